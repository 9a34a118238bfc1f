"""IAM policy documents as the AWS provider's `getPolicyDocument` renders them.

Source: hashicorp/terraform-provider-aws, internal/service/iam/policy_document_data_source.go and policy_model.go.
"""

import json
from typing import Any, Final

from rehearsal.errors import UserError

_LISTS: Final = (
    ("actions", "Action"),
    ("notActions", "NotAction"),
    ("resources", "Resource"),
    ("notResources", "NotResource"),
)


def policy_document(arguments: dict[str, Any]) -> dict[str, Any]:
    """The document that `arguments` (with the provider's property names) describe, keys in the provider's order.

    Statements of source documents come first; overriding ones replace those with their `sid`. Raises UserError if two
    statements have one `sid`.
    """
    statements: list[dict[str, Any]] = []
    for source in arguments.get("sourcePolicyDocuments") or ():
        statements += _statements_of(source)
    own = [_statement(statement, arguments) for statement in arguments.get("statements") or ()]
    _refuse_equal_sids([*statements, *own])
    statements += own
    for overriding in arguments.get("overridePolicyDocuments") or ():
        for statement in _statements_of(overriding):
            statements = _overridden(statements, statement)
    document: dict[str, Any] = {"Version": arguments.get("version") or "2012-10-17"}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    if statements:
        document["Statement"] = statements
    return document


def _statements_of(text: str) -> list[dict[str, Any]]:
    statements = json.loads(text).get("Statement", []) if text else []
    return statements if isinstance(statements, list) else [statements]


def _overridden(statements: list[dict[str, Any]], statement: dict[str, Any]) -> list[dict[str, Any]]:
    sid = statement.get("Sid")
    if sid and any(existing.get("Sid") == sid for existing in statements):
        return [statement if existing.get("Sid") == sid else existing for existing in statements]
    return [*statements, statement]


def _refuse_equal_sids(statements: list[dict[str, Any]]) -> None:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    twice = sorted({sid for sid in sids if sids.count(sid) > 1})
    if twice:
        raise UserError(f"IAM policy document: more than one statement has the sid {', '.join(twice)}.")


def _statement(given: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    statement["Effect"] = given.get("effect") or "Allow"
    legacy = arguments.get("version") == "2008-10-17"
    for key, name in _LISTS:
        if given.get(key):
            statement[name] = _one_or_sorted([_variables(item, legacy) for item in given[key]])
    for key, name in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(key):
            statement[name] = _principals(given[key], legacy)
    if given.get("conditions"):
        statement["Condition"] = _conditions(given["conditions"], legacy)
    return statement


def _variables(text: str, legacy: bool) -> str:
    """`&{...}` stands for `${...}`, which Terraform keeps for itself; the old version has no policy variables."""
    return text if legacy else text.replace("&{", "${")


def _one_or_sorted(items: list[str]) -> str | list[str]:
    """The provider writes a single item bare, and several in descending order."""
    return items[0] if len(items) == 1 else sorted(items, reverse=True)


def _principals(given: list[dict[str, Any]], legacy: bool) -> str | dict[str, Any]:
    merged: dict[str, list[str]] = {}
    for principal in given:
        identifiers = [_variables(item, legacy) for item in principal["identifiers"]]
        merged.setdefault(principal["type"], []).extend(sorted(identifiers, reverse=True))
    if merged == {"*": ["*"]}:
        return "*"
    return {kind: items[0] if len(items) == 1 else items for kind, items in sorted(merged.items())}


def _conditions(given: list[dict[str, Any]], legacy: bool) -> dict[str, dict[str, Any]]:
    """By test, then by variable; the order of values is kept."""
    merged: dict[str, dict[str, list[str]]] = {}
    for condition in given:
        values = [_variables(item, legacy) for item in condition["values"]]
        merged.setdefault(condition["test"], {}).setdefault(condition["variable"], []).extend(values)
    return {
        test: {name: items[0] if len(items) == 1 else items for name, items in sorted(variables.items())}
        for test, variables in sorted(merged.items())
    }
