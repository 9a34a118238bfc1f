"""Every IAM document linted by parliament, and held against AWS's quotas of document sizes."""

import functools
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.conformance.iam_accepted import ACCEPTED, NEW_ACTIONS, Accepted
from rehearsal.conformance.model import Outcome, custom_resources
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource, reveal

_TRUST: Final = "assumeRolePolicy"
_DOCUMENTS: Final = frozenset({"policy", _TRUST, "resourcePolicy", "content"})
_SOME_ROLE: Final = "arn:aws:iam::111122223333:role/it"
_ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
_UNKNOWN_KEY: Final = re.compile(r"Unknown condition (\S+) for action ([^:]+):(\S+)")
# Characters without white space, as the provider sends and IAM counts them. Sources: "IAM and AWS STS quotas", "Bucket
# policies", KMS "Resource quotas", SQS "Quotas related to policies", Secrets Manager "quotas", PrivateLink "quotas".
_SIZES: Final[Mapping[tuple[str, str], int]] = {
    ("aws:iam/role:Role", _TRUST): 2_048,
    ("aws:iam/policy:Policy", "policy"): 6_144,
    (_ROLE_POLICY, "policy"): 10_240,
    ("aws:s3/bucketPolicy:BucketPolicy", "policy"): 20_480,
    ("aws:kms/key:Key", "policy"): 32_768,
    ("aws:kms/replicaKey:ReplicaKey", "policy"): 32_768,
    ("aws:sqs/queuePolicy:QueuePolicy", "policy"): 8_192,
    ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy"): 20_480,
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "policy"): 20_480,
    ("aws:organizations/policy:Policy", "content"): 5_120,
}


@dataclass(frozen=True)
class _Lint:
    issue: str
    title: str
    detail: str


class IamCheck:
    """Policies of roles, trust policies, policies of buckets, keys, queues and whatever else holds statements."""

    name = "IAM documents"

    def __init__(self) -> None:
        self.used: Counter[Accepted] = Counter()

    def run(self, evaluation: Evaluation) -> Outcome:
        outcome = Outcome("documents")
        inline: Counter[str] = Counter()
        for resource in custom_resources(evaluation, "aws"):
            for name, value in resource.inputs.items():
                given = reveal(value)
                if given is UNKNOWN and name in _DOCUMENTS:
                    outcome.skipped("unknown before a deployment")
                elif isinstance(given, str) and (name in _DOCUMENTS or '"Statement"' in given):
                    outcome.saw()
                    self._lint(resource, name, given, outcome)
                    _measure(resource, name, given, inline, outcome)
        return outcome

    def _lint(self, resource: Resource, name: str, text: str, outcome: Outcome) -> None:
        for lint in _lints(text, trust=name == _TRUST):
            accepted = next(
                (a for a in ACCEPTED if a.covers(lint.issue, resource.type, resource.name, lint.detail)), None
            )
            if accepted:
                self.used[accepted] += 1
            else:
                outcome.wrong(resource, name, f"{lint.issue}: {lint.detail or lint.title}", "what IAM knows")


def _measure(resource: Resource, name: str, text: str, inline: Counter[str], outcome: Outcome) -> None:
    """Sizes against the quotas. Those of a role's inline policies are added up."""
    limit = _SIZES.get((resource.type, name))
    size = len("".join(text.split()))
    if resource.type == _ROLE_POLICY:
        role = str(reveal(resource.inputs.get("role")))
        inline[role] += size
        size = inline[role]
    if limit is not None and size > limit:
        outcome.wrong(resource, name, f"{size:,} characters", f"at most {limit:,} (AWS quota)")


@functools.cache
def _lints(text: str, *, trust: bool) -> tuple[_Lint, ...]:
    """What parliament finds. The same document of several resources is linted once."""
    document, broken = _statements(text)
    if document is None:
        return (_Lint("MALFORMED_JSON", "", broken),)
    for statement in document["Statement"]:
        if trust:
            # A trust policy has no Resource: the role it belongs to is meant. Parliament demands one.
            statement.setdefault("Resource", _SOME_ROLE)
        if actions := statement.get("Action"):
            several = actions if isinstance(actions, list) else [actions]
            statement["Action"] = [action for action in several if action not in NEW_ACTIONS]
    document["Statement"] = [statement for statement in document["Statement"] if statement.get("Action") != []]
    with warnings.catch_warnings():
        # It reads its data through pkg_resources, which warns of its own end (setuptools is pinned for it).
        warnings.simplefilter("ignore")
        import parliament

        found = parliament.analyze_policy_string(json.dumps(document), ignore_private_auditors=True).findings
    config: Mapping[str, Mapping[str, str]] = parliament.config
    lints = []
    for finding in found:
        detail = finding.detail
        if finding.issue == "RESOURCE_MISMATCH":
            detail = [miss for miss in detail if not _granted(document, miss["action"], miss["required_format"])]
            if not detail:
                continue
        elif finding.issue == "UNKNOWN_CONDITION_FOR_ACTION" and _is_key_of_its_resource(detail):
            continue
        lints.append(_Lint(finding.issue, config.get(finding.issue, {}).get("title", ""), str(detail or "")))
    return tuple(dict.fromkeys(lints))


def _statements(text: str) -> tuple[dict[str, Any] | None, str]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        return None, str(error)
    statements = document.get("Statement") if isinstance(document, dict) else None
    if isinstance(statements, dict):
        document["Statement"] = [statements]
    elif not isinstance(statements, list) or not all(isinstance(entry, dict) for entry in statements):
        return None, "a document without statements"
    return document, ""


def _granted(document: Mapping[str, Any], action: str, required: str) -> bool:
    """Whether another statement grants `action` on what it needs: AWS joins statements, parliament looks at each."""
    import parliament

    for statement in document["Statement"]:
        actions = _expanded(statement.get("Action") or ())
        if statement.get("Effect") == "Allow" and action in actions:
            for resource in _listed(statement.get("Resource") or ()):
                if parliament.is_arn_match("", required, resource):
                    return True
    return False


def _is_key_of_its_resource(detail: str) -> bool:
    """Whether the condition key belongs to the kind of resource that the action is on (`kms:ResourceAliases`).

    Such keys are in parliament's definitions, but it looks only at those of the action itself.
    """
    from parliament.statement import get_privilege_info, is_condition_key_match

    found = _UNKNOWN_KEY.fullmatch(detail)
    if found is None:
        return False
    key, service, action = found.groups()
    privilege = get_privilege_info(service, action)
    kinds = {entry["resource_type"].rstrip("*") for entry in privilege["resource_types"]}
    return any(
        is_condition_key_match(known, key)
        for resource in privilege["service_resources"]
        if resource["resource"] in kinds
        for known in resource["condition_keys"]
    )


def _expanded(actions: Any) -> Iterator[str]:
    import parliament

    for action in _listed(actions):
        for known in parliament.expand_action(action, raise_exceptions=False):
            yield f"{known['service']}:{known['action']}"


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
