"""What goes around Pulumi: the API server holds the same rules, and knows when changes are frozen."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.windows import moment

CATALOGUE: Final = Path(__file__).parents[1] / "admission.toml"
FREEZE: Final = "frz-01-freeze"
CHANGE_CONTROL: Final = "change-control"
NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"


@stack_rule(
    "sec-11",
    severity=Severity.CRITICAL,
    says="The admission policies of the catalogue are deployed as they stand there and deny; each retailer's namespace "
    "has its freeze and what switches it.",
    why="Whoever has kubectl goes around Pulumi, and so around these rules: an image by tag, an open network policy or "
    "a change on the eve of the sales would be in the cluster before anybody judged it.",
    fix="deploy policies/guardrails/admission.toml with failurePolicy Fail and a binding that denies "
    "(components/admission.py), and a freeze switch for each retailer (components/freeze_switch.py)",
    scenario="Black Friday, 19:00: somebody means well and edits a Deployment; the API server says which rule forbids "
    "it, and who approves.",
    implies=("iso-04", "frz-01"),
)
def admission(graph: Graph) -> Iterable[Violation]:
    if graph.contract.owns_cluster:
        words = {"account": graph.contract.given.text("account")}
        for policy in _policies(**words):
            yield from _deployed(policy, graph)
    for namespace in graph.all(kinds.NAMESPACE):
        if namespace.labels.get("app.kubernetes.io/name") == "tenancy":
            yield from _frozen(namespace, graph)


def _deployed(policy: Mapping[str, Any], graph: Graph) -> Iterator[Violation]:
    name = policy["name"]
    found = graph.named(kinds.ADMISSION_POLICY, "", name)
    if found is None:
        yield Violation(None, f"admission policy {name} is not deployed")
        return
    if found.at("spec").plain() != policy["spec"]:
        yield Violation(found, "is not what the catalogue says")
    if policy["bound"] == "freeze":
        return
    bindings = _bindings(name, graph)
    if not any(each.at("spec").plain() == _binding(policy) for each in bindings):
        yield Violation(found, "has no binding that denies where the catalogue says")


def _bindings(policy: str, graph: Graph) -> list[Resource]:
    return [each for each in graph.all(kinds.ADMISSION_BINDING) if each.text("spec.policyName") == policy]


def _binding(policy: Mapping[str, Any]) -> dict[str, Any]:
    binding: dict[str, Any] = {"policyName": policy["name"], "validationActions": ["Deny"]}
    match policy["bound"]:
        case "tenants":
            tenants = {"matchExpressions": [{"key": "retail/tenant", "operator": "Exists"}]}
            binding["matchResources"] = {"namespaceSelector": tenants}
        case "change-control":
            binding["matchResources"] = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: CHANGE_CONTROL}}}
        case "cron-jobs":
            binding["paramRef"] = {"selector": {}, "parameterNotFoundAction": "Allow"}
    return binding


def _frozen(namespace: Resource, graph: Graph) -> Iterator[Violation]:
    name = namespace.object_name
    expected = {
        "policyName": FREEZE,
        "validationActions": ["Deny"],
        "paramRef": {"name": name, "namespace": CHANGE_CONTROL, "parameterNotFoundAction": "Deny"},
        "matchResources": {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: name}}},
    }
    if not any(each.at("spec").plain() == expected for each in _bindings(FREEZE, graph)):
        yield Violation(namespace, "no binding has its freeze as the parameter that denies when it is missing")
    state = graph.named(kinds.CONFIG_MAP, CHANGE_CONTROL, name)
    if state is None:
        yield Violation(namespace, f"has no freeze (ConfigMap {CHANGE_CONTROL}/{name}): everything would be denied")
    elif state.has("data"):
        yield Violation(state, "its data is the switch's to write: every deployment would overwrite it")
    switch = graph.named(kinds.CRON_JOB, CHANGE_CONTROL, name)
    if switch is None:
        yield Violation(namespace, f"nothing switches its freeze (CronJob {CHANGE_CONTROL}/{name})")
        return
    if switch.flag("spec.suspend", False):
        yield Violation(switch, "is suspended: a freeze stays as it is, and emergencies don't end")
    yield from _calendar(switch, name, graph)


def _calendar(switch: Resource, name: str, graph: Graph) -> Iterator[Violation]:
    """Whether the switch has a calendar that it can read. That it is the contract's is for the program's tests."""
    files = graph.named(kinds.CONFIG_MAP, CHANGE_CONTROL, f"{name}-files")
    texts = files.texts("data") if files else {}
    if files is None or not {"plan.json", "freeze.py"} <= texts.keys():
        yield Violation(switch, f"has no calendar (ConfigMap {CHANGE_CONTROL}/{name}-files)")
        return
    plan = Node(files, "data.plan", texts["plan.json"]).document()
    if (plan.text("namespace"), plan.text("object"), plan.text("own_namespace")) != (name, name, CHANGE_CONTROL):
        yield Violation(files, "its calendar is of another namespace")
    for each in plan.items("windows"):
        if moment(each.at("end")) <= moment(each.at("start")):
            yield Violation(files, f"its freeze {each.text('name')} ends before it begins")


@cache
def _policies(account: str) -> tuple[dict[str, Any], ...]:
    """The catalogue, with its words filled in."""
    catalogue = tomllib.loads(CATALOGUE.read_text())
    words = {"account": account}
    for word, text in catalogue["words"].items():  # each may use those before it
        words[word] = _filled(text, words)
    return tuple({**each, "spec": _filled(each["spec"], words)} for each in catalogue["policies"])


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, words) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, words) for each in value]
    for word, text in words.items():
        value = value.replace(f"${{{word}}}", text)
    return value
