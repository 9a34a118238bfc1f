"""PostgreSQL between retailers: who gets into which database, as what, and with how many connections."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.postgres import UNLIMITED, login_roles, owner
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule

DEFAULT_RULE: Final = "host all all all scram-sha-256"
"""What CloudNativePG puts after the rules given (its docs/src/postgresql_conf.md): everybody in, everywhere."""

PROVEN: Final = ("scram-sha-256", "cert")
"""Methods that show who somebody is without giving the proof away."""

STRANGER, NEIGHBOUR = "some_retailer", "other_retailer"
"""A role and a database that stand for those of any two retailers."""

SHARED_MAINTENANCE: Final = "postgres"
"""The database that Odoo sends NOTIFY through, so every role has to get in there (facts, Odoo §3)."""

POWERS: Final = ("superuser", "createrole", "createdb", "replication", "bypassrls")
"""Attributes that reach beyond a role's own database."""


@stack_rule(
    "iso-12",
    of=(kinds.POSTGRES_CLUSTER, kinds.DATABASE, kinds.DATABASE_ROLE, kinds.RETAILER),
    severity=Severity.CRITICAL,
    says="A PostgreSQL role gets into its own database alone, over TLS, with no more than its share of connections; "
    "critical and regulated retailers share no PostgreSQL.",
    why="CloudNativePG's own last rule lets every role into every database, without TLS. One retailer without a limit "
    "takes all the connections; one with createrole takes all the databases.",
    fix="spec.postgresql.pg_hba [hostssl sameuser,postgres all all scram-sha-256, host all all all "
    "reject] where shared, "
    "the roles by name elsewhere; connectionLimit of each; hosting segmented or dedicated for what is critical",
    scenario="The training database of one brand is on the platform; its trainer can't open the books of the other.",
    implies=("db-02", "db-08", "iso-04", "sec-04", "sec-12", "bk-11", "ops-02", "sec-02"),
    protects=Protects.ISOLATION,
)
def own_database_alone(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.family == family(kinds.POSTGRES_CLUSTER):
        yield from _cluster(resource, graph)
    elif resource.family == family(kinds.DATABASE):
        yield from _database(resource, graph)
    elif resource.family == family(kinds.DATABASE_ROLE):
        yield from _role(resource, graph)
    else:
        yield from _criticality(resource, graph)


def _criticality(contract: Resource, graph: Graph) -> Iterator[Violation]:
    if graph.contract.hosting != "shared":
        if graph.contract.hosting not in ("segmented", "dedicated"):
            yield Violation(contract, f"its hosting is {graph.contract.hosting}, which no retailer has")
        return
    objectives = graph.contract.objective_class
    if contract.flag("regulated"):
        yield Violation(contract, "is regulated, and shares its PostgreSQL with other retailers")
    if objectives == "gold" or (graph.contract.production and objectives != "bronze"):
        yield Violation(contract, f"is of class {objectives} and shares its PostgreSQL with other retailers")


def _cluster(cluster: Resource, graph: Graph) -> Iterator[Violation]:
    rules = [_rule(node) for node in cluster.items("spec.postgresql.pg_hba")]
    rules.append(_parsed(DEFAULT_RULE.split()))
    shared = graph.contract.hosting == "platform"
    own = cluster.text("spec.bootstrap.initdb.database", "app")
    logins = [(role.text("name"), role) for role in login_roles(cluster)]
    if cluster.flag("spec.enableSuperuserAccess", False):
        yield Violation(cluster, "enableSuperuserAccess: whoever has that Secret has every database")
    for rule in rules:
        if rule.opens and rule.method not in PROVEN:
            yield Violation(cluster, f"pg_hba lets in by {rule.method}: {rule}")
    strange = (SHARED_MAINTENANCE, own, NEIGHBOUR, "template1", "replication")
    for database in strange[1:] if shared else (STRANGER, *strange):
        if found := _admits(rules, STRANGER, database):
            yield Violation(cluster, f"pg_hba lets any role into database {_named(database)}: {found}")
    for name, _ in logins:
        for database in (NEIGHBOUR, "template1"):
            if found := _admits(rules, name, database):
                yield Violation(cluster, f"pg_hba lets {name} into every database: {found}")
    for name in {STRANGER, *(name for name, _ in logins)}:
        for database in (own, name, SHARED_MAINTENANCE):
            if found := _admits(rules, name, database, tls=False):
                yield Violation(cluster, f"pg_hba lets {_named(name)} into {database} without TLS: {found}")
    for name, role in logins:
        yield from _bounded(cluster, role, name, graph)
    for role in cluster.items("spec.managed.roles"):
        for power in POWERS:
            if role.flag(power, False):
                yield Violation(cluster, f"role {role.text('name')} has {power}, which reaches beyond its database")
        for group in role.words("inRoles"):
            if group not in (owner(cluster), "pg_read_all_data", "pg_monitor") or (shared and group != owner(cluster)):
                yield Violation(cluster, f"role {role.text('name')} is a member of {group}, which reaches further")


def _bounded(resource: Resource, role: Node, name: str, graph: Graph) -> Iterator[Violation]:
    most = graph.contract.count("maxConnections")
    found = role.number("connectionLimit", UNLIMITED)
    if found < 0 or found > most:
        said = "no connection limit" if found < 0 else f"a connection limit of {found}"
        yield Violation(resource, f"role {name} has {said}; there are {most} for all of the retailer")
    elif found == 0:
        yield Violation(resource, f"role {name} has a connection limit of 0: it can't log in")


def _database(database: Resource, graph: Graph) -> Iterator[Violation]:
    cluster, name = database.text("spec.cluster.name"), database.text("spec.name")
    owned_by = database.text("spec.owner")
    roles = [
        each.text("spec.name")
        for each in graph.within(database.namespace, kinds.DATABASE_ROLE)
        if each.text("spec.cluster.name") == cluster
    ]
    if owned_by not in roles:
        yield Violation(database, f"belongs to {owned_by}, which is no role of this stack")
    if name != owned_by:
        yield Violation(database, f"is {name} and its role {owned_by}: `sameuser` lets a role into its namesake alone")
    if database.flag("spec.isTemplate", False):
        yield Violation(database, "is a template: whoever may create a database may copy it")


def _role(role: Resource, graph: Graph) -> Iterator[Violation]:
    spec, name = role.at("spec"), role.text("spec.name")
    if spec.flag("login", False):
        yield from _bounded(role, spec, name, graph)
    for power in POWERS:
        if spec.flag(power, False):
            yield Violation(role, f"role {name} has {power}, which reaches beyond its database")
    for group in spec.words("inRoles"):
        yield Violation(role, f"role {name} is a member of {group}, which is not the retailer's alone")
    if spec.has("passwordSecret") and not spec.text("passwordSecret.name").startswith(role.object_name):
        yield Violation(
            role, f"role {name} has its password from Secret {spec.text('passwordSecret.name')}, not its own"
        )


# pg_hba


@dataclass(frozen=True)
class Rule:
    """One line of pg_hba.conf."""

    kind: str
    databases: tuple[str, ...]
    roles: tuple[str, ...]
    address: str
    method: str

    @property
    def opens(self) -> bool:
        return self.method != "reject"

    def takes(self, role: str, database: str, tls: bool) -> bool:
        """Whether it decides about that connection from somewhere: what is given by address refuses nobody for sure,
        and lets in somebody."""
        if self.kind == "local" or (self.kind == "hostssl" and not tls) or (self.kind == "hostnossl" and tls):
            return False
        if not self.opens and self.address != "all" and self.address not in ("0.0.0.0/0", "::/0"):
            return False
        return self._means(self.roles, role, "") and self._means(self.databases, database, role)

    def _means(self, words: tuple[str, ...], name: str, role: str) -> bool:
        # A pattern, a group or a file might mean anybody: it opens, and closes nothing for sure.
        vague = any(word.startswith(("/", "+", "@")) for word in words) or (role and "samerole" in words)
        if vague:
            return self.opens
        return (
            ("all" in words and name != "replication")
            or name in words
            or (bool(role) and "sameuser" in words and name == role)
        )

    def __str__(self) -> str:
        return f"{self.kind} {','.join(self.databases)} {','.join(self.roles)} {self.address} {self.method}"


def _rule(node: Node) -> Rule:
    words = node.text().split()
    if len(words) < 4 or words[0] not in ("local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"):
        raise node.unjudged("is no rule of pg_hba.conf")
    return _parsed(words)


def _parsed(words: list[str]) -> Rule:
    if words[0] == "local":
        return Rule(words[0], _names(words[1]), _names(words[2]), "", words[3])
    # A mask may stand apart from its address.
    masked = len(words) > 5 and words[4][0].isdigit()
    return Rule(words[0], _names(words[1]), _names(words[2]), words[3], words[5 if masked else 4])


def _names(text: str) -> tuple[str, ...]:
    return tuple(word.strip('"') for word in text.split(","))


def _admits(rules: list[Rule], role: str, database: str, tls: bool = True) -> Rule | None:
    """The rule by which that connection gets in: PostgreSQL takes the first that fits."""
    found = next((rule for rule in rules if rule.takes(role, database, tls)), None)
    return found if found is not None and found.opens else None


def _named(name: str) -> str:
    return {STRANGER: "any role", NEIGHBOUR: "of another"}.get(name, name)
