"""Rotation of passwords: who does it, how often, when never, and who takes the new ones up."""

import fnmatch
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from guardrails import kinds
from guardrails.aws.iam import statements
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.cron import Cron, read_cron
from guardrails.kubernetes.durations import seconds
from guardrails.kubernetes.workloads import Workload
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.windows import Window

ROTATION_DAYS = limit("rotation-days", 90, "Days between two rotations of a password, at most.")
NOT_ROTATED = limit("not-rotated", ("smtp",), "Last parts of names of secrets that others rotate: the mail relay's.")
REFRESH_SECONDS = limit("secret-refresh-seconds", 3600, "Age of a copy of a secret in the cluster, at most.")

WRITE: Final = "secretsmanager:PutSecretValue"
YEARS: Final = 2
"""How far ahead schedules are looked at: a freeze returns every year."""

RELOADER: Final = "reloader.stakater.com/"
CNPG_RELOAD: Final = "cnpg.io/reload"


class Rotator:
    """A CronJob whose AWS role may write secrets."""

    def __init__(self, job: Resource, graph: Graph) -> None:
        self.job, self._graph = job, graph

    @cached_property
    def writes(self) -> list[str]:
        """Patterns of the ARNs that its role may write."""
        workload = Workload(self.job, self._graph)
        if not workload.spec.known("serviceAccountName"):
            return []  # Who can't be seen to rotate does not: sec-02 says so.
        account = workload.spec.text("serviceAccountName", "default")
        found: list[str] = []
        for association in self._graph.all(kinds.POD_IDENTITY_ASSOCIATION):
            named = association.text("namespace"), association.text("serviceAccount")
            if named != (self.job.namespace, account):
                continue
            for role in self._graph.sources(association, "roleArn", kinds.IAM_ROLE):
                for policy in self._graph.users(role, "role", kinds.IAM_ROLE_POLICY):
                    if not policy.known("policy"):
                        continue  # Of a bucket's name, which only a deployment tells; those of secrets are plain.
                    for statement in statements(policy.at("policy")):
                        if statement.allows and statement.takes(WRITE):
                            found += statement.resources
        return found

    def rotates(self, secret: str) -> bool:
        """Whether its role may write the secret of this name (its ARN ends in six characters more)."""
        arn = f"arn:aws:secretsmanager:region:account:secret:{secret}-abcdef"
        return any(_same(pattern, arn) for pattern in self.writes)

    @property
    def suspended(self) -> bool:
        return self.job.flag("spec.suspend", False)

    @cached_property
    def cron(self) -> Cron:
        return read_cron(self.job.at("spec.schedule"))

    @cached_property
    def zone(self) -> ZoneInfo:
        """Kubernetes' own, which is UTC, where nothing is said."""
        node = self.job.at("spec.timeZone")
        try:
            return ZoneInfo(node.text("", "Etc/UTC"))
        except (ZoneInfoNotFoundError, ValueError):
            raise node.unjudged("must be a time zone, as Europe/Paris") from None


def _same(pattern: str, arn: str) -> bool:
    """Whether a resource pattern of a policy names the secret, whatever region and account it is in."""
    name = pattern.partition(":secret:")[2] if ":secret:" in pattern else pattern
    return fnmatch.fnmatchcase(arn.partition(":secret:")[2], name)


def rotators(graph: Graph) -> list[Rotator]:
    """CronJobs that write secrets, in the namespaces of this stack."""
    found = [Rotator(job, graph) for job in graph.all(kinds.CRON_JOB) if _has_role(job, graph)]
    return [each for each in found if each.writes]


def _has_role(job: Resource, graph: Graph) -> bool:
    """Whether any role is for its namespace at all: others can't be meant."""
    return any(each.text("namespace", "") == job.namespace for each in graph.all(kinds.POD_IDENTITY_ASSOCIATION))


@stack_rule(
    "sec-02",
    of=kinds.SECRETS_MANAGER_SECRET,
    severity=Severity.HIGH,
    says="Every password (database, sessions, admin, integrations) is replaced every 90 days, and its users take "
    "the new one up.",
    why="A password that never changes is known to everybody who ever worked here. One that changes where its users "
    "don't hear of it is an outage. Who rotates is who may write the secret, whatever it is called.",
    fix="a CronJob whose role may write the secret, at least every 90 days and not suspended; ExternalSecrets with a "
    "refreshInterval, and reload annotations on what uses them",
    scenario="An agency's contract ends in September, and by November nothing it knew opens anything.",
    implies=("sec-03", "iso-03", "iso-04", "iso-06"),
)
def replaced(secret: Resource, graph: Graph) -> Iterable[Violation]:
    name = secret.text("name")
    if name.rpartition("/")[2] in graph.config.words(NOT_ROTATED):
        return
    at_most = graph.config.number(ROTATION_DAYS)
    able = [each for each in graph.view(rotators) if each.rotates(name)]
    if not able:
        yield Violation(secret, "no CronJob's role may write it: it is never replaced")
    for each in able:
        if each.suspended:
            yield Violation(each.job, f"is suspended: {name} is never replaced")
            continue
        gap = each.cron.longest_gap(graph.config.now, 366 * YEARS, each.zone)
        if gap > timedelta(days=at_most, hours=1):
            yield Violation(each.job, f"leaves {name} for {gap.days} days, {at_most:g} are allowed")
    yield from _taken_up(secret, name, graph)


def _taken_up(secret: Resource, name: str, graph: Graph) -> Iterator[Violation]:
    """Copies of the secret in the cluster, and who uses those."""
    copies = [
        each
        for each in graph.all(kinds.EXTERNAL_SECRET)
        if any(item.text("remoteRef.key") == name for item in each.items("spec.data"))
    ]
    if not copies:
        yield Violation(secret, "no ExternalSecret brings it to anybody")
    for copy in copies:
        interval = copy.at("spec.refreshInterval")
        age = seconds(interval) if interval.has() else 3600
        if not 0 < age <= graph.config.number(REFRESH_SECONDS):
            yield Violation(copy, f"is refreshed every {age} s: it keeps the old password")


@stack_rule(
    "sec-10",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.POSTGRES_CLUSTER),
    severity=Severity.HIGH,
    says="What runs all the time with a copied secret is told when it changes.",
    why="A pod reads a Secret when it starts. Without a reload it goes on with the old password until that is taken "
    "away, which is when the next rotation runs. The other half of sec-02.",
    fix="the annotation secret.reloader.stakater.com/reload with the Secret's name (or /auto: true) on the workload; "
    "the label cnpg.io/reload on Secrets of a database's roles",
    scenario="The second rotation of the year, and no till loses its database.",
    implies=("sec-02",),
)
def told(resource: Resource, graph: Graph) -> Iterable[Violation]:
    made = {
        each.text("spec.target.name", each.object_name): each
        for each in graph.all(kinds.EXTERNAL_SECRET)
        if each.namespace == resource.namespace
    }
    if resource.kind == "Cluster":
        for role in resource.items("spec.managed.roles"):
            name = role.text("passwordSecret.name", "")
            if name in made and _label(made[name], CNPG_RELOAD) != "true":
                yield Violation(
                    made[name], f"lacks the label {CNPG_RELOAD}: role {role.text('name')} keeps its password"
                )
        return
    annotations = resource.annotations
    if annotations.get(f"{RELOADER}auto") == "true" or annotations.get(f"secret.{RELOADER}auto") == "true":
        return
    listed = {each.strip() for each in annotations.get(f"secret.{RELOADER}reload", "").split(",")}
    missing = sorted((_used(Workload(resource, graph)) & made.keys()) - listed)
    if missing:
        yield Violation(resource, f"is not told when {', '.join(missing)} changes")


def _label(copy: Resource, label: str) -> str:
    template = copy.texts("spec.target.template.metadata.labels")
    return template.get(label, "")


def _used(workload: Workload) -> set[str]:
    """Names of Secrets that its pods read when they start."""
    names = {each.text("secret.secretName", "") for each in workload.spec.items("volumes")}
    for volume in workload.spec.items("volumes"):
        names |= {each.text("secret.name", "") for each in volume.items("projected.sources")}
    for container in (*workload.containers, *workload.init_containers):
        names |= {each.text("valueFrom.secretKeyRef.name", "") for each in container.items("env")}
        names |= {each.text("secretRef.name", "") for each in container.items("envFrom")}
    return names - {""}


@stack_rule(
    "sec-03",
    of=kinds.CRON_JOB,
    severity=Severity.HIGH,
    says="No rotation runs, or is still running, in a freeze; the last one before it is done.",
    why="A rotation restarts every pod and changes every login: the one thing to keep out of the peak. Kubernetes "
    "starts what it missed as soon as it can, if nothing says how late is too late.",
    fix="a schedule without the freeze's days in the retailer's time zone, startingDeadlineSeconds of an hour or two, "
    "activeDeadlineSeconds on the job",
    scenario="The freeze begins on Monday; the passwords were changed on Sunday morning, and next in January.",
    implies=("sec-02",),
)
def not_in_a_freeze(job: Resource, graph: Graph) -> Iterable[Violation]:
    rotator = Rotator(job, graph)
    if not _has_role(job, graph) or not rotator.writes:
        return
    late = _seconds(job, "spec.startingDeadlineSeconds")
    runs = _seconds(job, "spec.jobTemplate.spec.activeDeadlineSeconds")
    if late is None:
        yield Violation(job, "starts a missed rotation whenever it can: startingDeadlineSeconds is not set")
    if runs is None:
        yield Violation(job, "may run for ever: activeDeadlineSeconds is not set")
    tail = timedelta(seconds=(late or 0) + (runs or 0))
    for freeze in _returning(graph.contract.freezes, graph.contract.zone):
        inside = next(rotator.cron.fires(freeze.start, freeze.end, rotator.zone), None)
        if inside:
            yield Violation(job, f"rotates on {inside:%Y-%m-%d %H:%M} {inside.tzname()}, in {freeze}")
        # Seven days at most are looked back on: no deadline is longer.
        before = [*rotator.cron.fires(freeze.start - min(tail, timedelta(days=7)), freeze.start, rotator.zone)]
        if before and tail:
            yield Violation(job, f"may still rotate {tail} after {before[-1]:%Y-%m-%d %H:%M}, in {freeze}")


def _seconds(job: Resource, path: str) -> int | float | None:
    return job.number(path, None)


def _returning(freezes: Iterable[Window], zone: ZoneInfo) -> Iterator[Window]:
    """Freezes with those of the next years, by the same dates."""
    for freeze in freezes:
        for years in range(YEARS + 1):
            start, end = (_later(each.astimezone(zone), years) for each in (freeze.start, freeze.end))
            yield Window(start, end, freeze.name)


def _later(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # the 29th of February
        return moment.replace(year=moment.year + years, day=28)


@stack_rule(
    "sec-04",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.MEDIUM,
    says="A retailer's own database has two login roles that act as one, each with a password of its own.",
    why="With one role there is a moment when either the old or the new password is wrong. With two, one is changed "
    "while the other is in use. A shared database has one role: that is what shared hosting gives up.",
    fix="two managed roles with login, each with its passwordSecret, both in the role that owns the database",
    scenario="Passwords change on a Sunday morning in November with the shop open.",
    implies=("db-02", "db-08", "sec-02", "sec-10", "iso-04"),
)
def two_roles(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    if not graph.contract.serves_retailer:
        return
    by_owner: dict[str, set[str]] = {}
    for role in cluster.items("spec.managed.roles"):
        usable = role.text("ensure", "present") == "present" and role.flag("login", False)
        secret = role.text("passwordSecret.name", "")
        if not usable or not secret or role.flag("disablePassword", False):
            continue
        for owner in role.words("inRoles"):
            if not owner.startswith("pg_"):
                by_owner.setdefault(owner, set()).add(secret)
    if not any(len(secrets) >= 2 for secrets in by_owner.values()):
        most = max((len(secrets) for secrets in by_owner.values()), default=0)
        yield Violation(cluster, f"{most} login roles with a password of their own act as the owner, not two")
    copied = {each.text("spec.target.name", each.object_name) for each in graph.all(kinds.EXTERNAL_SECRET)}
    for owner, secrets in by_owner.items():
        if missing := sorted(secrets - copied):
            yield Violation(cluster, f"passwords of {owner} are in {', '.join(missing)}, which nothing makes")
