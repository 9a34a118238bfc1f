"""Who logs in to PostgreSQL, how, and what its logs keep of it."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import Config
from guardrails.postgres import parameter
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, resource_rule

POWERS: Final = ("superuser", "createrole", "bypassrls", "replication")
WEAK: Final = ("trust", "password", "md5", "ident")
"""Methods that ask for nothing, for a password in plain text, or for a digest of it that is broken."""

LAST: Final = ["host", "all", "all", "all", "reject"]
"""CloudNativePG ends its pg_hba.conf with a line that lets every role into every database, TLS or not; what stands
before it wins."""

ZERO: Final = ("0", "0B", "0kB")


@resource_rule(
    "sec-12",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="Nobody logs in to PostgreSQL as its superuser, or without TLS and SCRAM, and its logs keep no values.",
    why="A superuser reads every retailer, runs programs and drops what protects the data. Values in a log are "
    "customers' addresses and password hashes, in a place that more people read.",
    fix="enableSuperuserAccess false; roles without superuser, createrole, bypassrls and replication; pg_hba with "
    "hostssl and scram-sha-256 lines, ended by `host all all all reject`; log_parameter_max_length 0",
    scenario="A password of the shop is found in an old backup of a laptop: it opens one database, as one role.",
    implies=("db-02", "db-08", "iso-12", "sec-04"),
)
def logins(cluster: Resource, _: Config) -> Iterable[Violation]:
    if cluster.flag("spec.enableSuperuserAccess", False):
        yield Violation(cluster, "enableSuperuserAccess is on: the superuser has a password, and may come in")
    for role in cluster.items("spec.managed.roles"):
        if powers := [each for each in POWERS if role.flag(each, False)]:
            yield Violation(cluster, f"role {role.text('name')} has {', '.join(powers)}")
    yield from (Violation(cluster, what) for what in (*_let_in(cluster), *_logged(cluster)))


def _let_in(cluster: Resource) -> Iterator[str]:
    lines = [line.split() for line in cluster.words("spec.postgresql.pg_hba")]
    if LAST not in lines:
        yield "pg_hba does not end with `host all all all reject`: CloudNativePG lets everybody in behind it"
    for words in lines[: lines.index(LAST)] if LAST in lines else lines:
        method = next((each for each in reversed(words) if "=" not in each), "")
        if method == "reject":
            continue
        if method in WEAK:
            yield f"pg_hba lets in by {method}"
        if words[0] in ("host", "hostnossl", "hostgssenc", "hostnogssenc"):
            yield f"pg_hba lets in without TLS ({words[0]})"


def _logged(cluster: Resource) -> Iterator[str]:
    explained = any(name.startswith("auto_explain.") for name in cluster.entries("spec.postgresql.parameters"))
    # Defaults of PostgreSQL: all of a value where a statement is logged, nothing of it where one fails.
    for name, default, matters in (
        ("log_parameter_max_length", "-1", True),
        ("log_parameter_max_length_on_error", "0", True),
        ("auto_explain.log_parameter_max_length", "-1", explained),
    ):
        if matters and (length := parameter(cluster, name).text("", default)) not in ZERO:
            yield f"{name} is {length}: its log keeps values of statements"
    if parameter(cluster, "pgaudit.log_parameter").text("", "off").lower() in ("on", "true", "yes", "1"):
        yield "pgaudit.log_parameter is on: its log keeps values of statements"
