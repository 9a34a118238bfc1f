"""Where secrets may stand: in AWS Secrets Manager, and copied from there. Never in a program, a state or a log.

No message of these rules shows a value.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.kubernetes.workloads import Workload, runs_pods
from guardrails.reading import UNKNOWN, Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

WORKLOADS: Final = (
    kinds.DEPLOYMENT,
    kinds.STATEFUL_SET,
    kinds.DAEMON_SET,
    kinds.JOB,
    kinds.CRON_JOB,
    kinds.POD,
    kinds.POOLER,
)

_NAMES: Final = re.compile(
    r"(passw(or)?d|passphrase|secret|token|api_?key|private_?key|access_?key|credentials?|pgpass)$", re.IGNORECASE
)
"""Names of what is secret. What ends otherwise (SECRET_NAME, TOKEN_FILE) says where it is."""
_URL: Final = re.compile(r"://[^/\s:@{}$]*:[^/\s@{}$]+@")
"""An address with a password in it, which is no placeholder."""
_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b")
_LINE: Final = re.compile(r"^\s*[\"']?([A-Za-z_][\w.-]*)[\"']?\s*[=:]\s*(\S.*)$", re.MULTILINE)
_PROGRAM: Final = (".py", ".sql", ".sh", ".json.tpl")
_EMPTY: Final = ("", "false", "none", "null", "''", '""')


def is_secret_name(name: str) -> bool:
    return bool(_NAMES.search(name.replace("-", "_")))


def is_secret_text(text: str) -> bool:
    """Whether a text shows by itself that it is secret."""
    return bool(_URL.search(text) or _KEY.search(text))


@stack_rule(
    "sec-01",
    of=(kinds.SECRET, kinds.CONFIG_MAP, kinds.EXTERNAL_SECRET, kinds.HELM_RELEASE, *WORKLOADS),
    severity=Severity.CRITICAL,
    says="Secrets come from External Secrets alone: none is in a Secret of the program, an environment variable, an "
    "argument, a ConfigMap or a chart's values.",
    why="What the program writes is in its state, its previews and its history, and rotation never reaches it. A pack "
    "can't see whether a value is marked secret: tests of the program hold that.",
    fix="keep it in AWS Secrets Manager and bring it in with an ExternalSecret; secretKeyRef, and `{{ .key }}` in "
    "templates",
    scenario="A preview is pasted into a ticket, and there is nothing to change afterwards.",
    implies=("sec-02", "sec-07", "iso-03", "iso-04", "iso-08"),
)
def only_from_the_store(resource: Resource, graph: Graph) -> Iterable[Violation]:
    match resource.kind.removesuffix("Patch"):
        case "Secret":
            for key in ("data", "stringData"):
                if resource.at(key).raw not in (None, {}):
                    yield Violation(resource, f"has {key} of its own")
        case "ConfigMap":
            yield from _config_map(resource)
        case "ExternalSecret":
            yield from _external(resource, graph)
        case "Release":
            yield from _values(resource.at("values"), "values")
        case _ if runs_pods(resource):
            workload = Workload(resource, graph)
            for container in (*workload.containers, *workload.init_containers):
                yield from _container(container)


def _container(container: Node) -> Iterator[Violation]:
    where = container.owner
    for variable in container.items("env"):
        name = variable.text("name")
        value = variable.at("value")
        if not value.has() or (value.known() and value.text() == ""):
            continue
        if is_secret_name(name):
            yield Violation(where, f"environment variable {name} has its value in plain text")
        elif value.known() and is_secret_text(value.text()):
            yield Violation(where, f"environment variable {name} holds a password or a key")
    words = [*container.items("command"), *container.items("args")]
    for index, word in enumerate(words):
        if not word.known():
            continue
        text = word.text()
        name, equals, value_text = text.lstrip("-").partition("=")
        following = words[index + 1].text() if index + 1 < len(words) and words[index + 1].known() else ""
        given = value_text if equals else following
        flag = text.startswith("--") and re.fullmatch(r"[\w.-]+", name) is not None and is_secret_name(name)
        if flag and given and not given.startswith(("$", "-")):
            yield Violation(where, f"argument --{name} has its value in plain text")
        elif is_secret_text(text):
            yield Violation(where, f"an argument ({word.path}) holds a password or a key")


def _config_map(resource: Resource) -> Iterator[Violation]:
    for key, node in resource.entries("data").items():
        if is_secret_name(key):
            yield Violation(resource, f"key {key} belongs into a Secret")
        if node.known() and not key.endswith(_PROGRAM) and is_secret_text(node.text("", "")):
            yield Violation(resource, f"key {key} holds a password or a key")


def _external(resource: Resource, graph: Graph) -> Iterator[Violation]:
    for key, node in resource.entries("spec.target.template.data").items():
        if not node.known():
            continue  # Made from a host name that only a deployment tells; its parts are judged where they are known.
        text = node.text("", "")
        if is_secret_name(key) and text and "{{" not in text:
            yield Violation(resource, f"template key {key} has its value in plain text")
        for name, value in _LINE.findall(text):
            if is_secret_name(name) and "{{" not in value and value.strip().lower() not in _EMPTY:
                yield Violation(resource, f"{name} in {key} has its value in plain text")
        if is_secret_text(re.sub(r"\{\{.*?\}\}", "", text)):
            yield Violation(resource, f"template key {key} holds a password or a key")
    reference = resource.at("spec.secretStoreRef")
    if (kind := reference.text("kind", "SecretStore")) != "SecretStore":
        yield Violation(resource, f"reads from a {kind}, which is not its namespace's own")
        return
    store = graph.named(kinds.SECRET_STORE, resource.namespace, reference.text("name"))
    if store is None:
        yield Violation(resource, f"its SecretStore {reference.text('name')} is not there")
    elif store.text("spec.provider.aws.service", "") != "SecretsManager":
        yield Violation(store, "does not read from AWS Secrets Manager")


def _values(node: Node, path: str) -> Iterator[Violation]:
    """Secret-named texts in a chart's values, at any depth."""
    value = node.raw
    if isinstance(value, dict):
        for key, child in node.entries().items():
            here = f"{path}.{key}"
            if isinstance(child.raw, str) and child.raw and is_secret_name(key) and not _is_reference(key):
                yield Violation(node.owner, f"{here} has its value in plain text")
            yield from _values(child, here)
    elif isinstance(value, list | tuple):
        for index, child in enumerate(node.items()):
            yield from _values(child, f"{path}[{index}]")
    elif value is not UNKNOWN and isinstance(value, str) and is_secret_text(value):
        yield Violation(node.owner, f"{path} holds a password or a key")


def _is_reference(key: str) -> bool:
    """Charts call the name of a Secret existingSecret, passwordSecret and the like."""
    return key.lower().endswith("secret")


@stack_rule(
    "sec-07",
    of=WORKLOADS,
    severity=Severity.CRITICAL,
    says="Every Odoo has its master password from a secret, and its database manager is off.",
    why="Without admin_passwd it is `admin`; with it, and with the manager, anybody may copy, drop or replace the "
    "database over HTTP.",
    fix="admin_passwd = {{ .admin_passwd }} and list_db = False in odoo.conf, in every tier",
    scenario="A new tier is added in a hurry, and its database manager is not on the internet.",
    implies=("sec-01", "db-08"),
)
def master_password(resource: Resource, graph: Graph) -> Iterable[Violation]:
    for pod in graph.odoo_of(resource):
        password = pod.text("admin_passwd")
        if not password:
            yield Violation(resource, "runs Odoo without admin_passwd: it is `admin`")
        elif "{{" not in password:
            yield Violation(resource, "runs Odoo with an admin_passwd in plain text")
        if any(word.startswith(("--admin-passwd", "--admin_passwd")) for word in pod.argv):
            yield Violation(resource, "runs Odoo with its admin_passwd as an argument")
        listed = (pod.text("list_db", "True") or "True").strip().lower()
        if listed not in ("false", "0", "no", "off") and "--no-database-list" not in pod.argv:
            yield Violation(resource, "runs Odoo with its database manager on")
