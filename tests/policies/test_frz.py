"""Edits that the rules on freezes must catch, and edits that they must not."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from guardrails.baseline import written
from guardrails.emergencies import Emergency
from guardrails.evidence import collected
from guardrails.kinds import (
    BUCKET,
    CRON_JOB,
    DEPLOYMENT,
    EKS_CLUSTER,
    EKS_NODE_GROUP,
    HELM_RELEASE,
    KMS_KEY,
    NODE_CLASS,
    NODE_POOL,
    POSTGRES_CLUSTER,
    RANDOM_PASSWORD,
    RETAILER,
    SCALED_OBJECT,
    SECRETS_MANAGER_SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
)
from rehearsal.engine.model import Evaluation
from rehearsal.guardrails.baseline import release_of
from tests.policies.edits import NOTHING, Edit, Resources, add, chosen, drop, fine, forget, given, only, put
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLOCK, STACKS, shipped

FROZEN = datetime(2026, 11, 27, 9, tzinfo=UTC)
"""In the freeze of `peak`, and on its Black Friday."""
HOUR = timedelta(hours=1)
EARLIER = (CLOCK - timedelta(hours=30)).isoformat()
BEFORE_PEAKS = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""Half a day before the freeze of `peak`."""
LONG_BEFORE = datetime(2026, 11, 2, 12, tzinfo=UTC)
CALENDARS = {"dev", "outlet", "peak"}
"""Stacks with peaks or freezes, and nodes of Karpenter."""
ALL_NODES = {*CALENDARS, "platform"}

CLUSTER_WHERE = "Cluster grand-bazar-production/grand-bazar-db"
DRILL_WHERE = "CronJob grand-bazar-production-drill/restore-drill"
IMAGE = "registry.example/odoo@sha256:" + "0" * 64
PROMOTION = {"commit": "c0ffee", "authors": ["a@x.example"], "approver": "b@x.example", "at": FROZEN.isoformat()}


def released(
    stack: str,
    made: datetime = CLOCK,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    previous: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The baseline of a shipped stack, from its preview, after `change` of the release by URN."""
    release = {**release_of(shipped(stack, "preview"), "peak", made, "c0ffee"), **more}
    change({each["urn"]: each for each in release["resources"]})
    return written(release, previous)


@cache
def as_shipped(stack: str) -> dict[str, Any]:
    return released(stack)


def baseline(evaluation: Evaluation) -> dict[str, Any]:
    return as_shipped(evaluation.stack)


def since(made: datetime, **more: Any) -> Callable[[Evaluation], dict[str, Any]]:
    """The baseline of a release in which every version was new."""

    def of(evaluation: Evaluation) -> dict[str, Any]:
        older = released(evaluation.stack, made - timedelta(days=60))
        for each in older["resources"].values():
            each["inputs"] = {}
        return released(evaluation.stack, made, previous=older, **more)

    return of


def with_gone(type_token: str, name: str, protected: bool = False) -> Callable[[Evaluation], dict[str, Any]]:
    """The baseline of a release that had one resource more."""

    def of(evaluation: Evaluation) -> dict[str, Any]:
        urn = f"urn:pulumi:{evaluation.stack}::odoo-retail::{type_token}::{name}"
        one = {"urn": urn, "type": type_token, "protect": protected, "provider": "", "inputs": {}}
        release = release_of(evaluation, "peak", CLOCK, "c0ffee")
        return written({**release, "resources": [*release["resources"], one]})

    return of


def was(what: str, **more: Any) -> Callable[[Evaluation], dict[str, Any]]:
    """The baseline of a release in which the resources of a type had other options (`protect`, `provider`)."""

    def of(evaluation: Evaluation) -> dict[str, Any]:
        def change(resources: dict[str, Any]) -> None:
            for urn in chosen(evaluation.resources, what):
                resources[urn].update(more)

        return released(evaluation.stack, change=change)

    return of


def evidence(made: datetime = FROZEN, without: str = "", **more: Any) -> dict[str, Any]:
    """Evidence of `peak` that leaves nothing to say but what `more` has instead, and what is left out."""
    early = (made - timedelta(hours=3)).isoformat()
    content: dict[str, Any] = {
        "stack": "peak",
        "made": made.isoformat(),
        "source": {"kind": "eks", "cluster": "0b1c", "version": "v1.35.7-eks-1"},
        "release": as_shipped("peak")["digest"],
        "images": {
            f"Deployment {each.inputs['metadata']['namespace']}/{each.inputs['metadata']['name']}": [IMAGE]
            for each in shipped("peak", "preview").resources.values()
            if each.type == DEPLOYMENT
        },
        "backups": {CLUSTER_WHERE: early},
        "succeeded": {
            f"CronJob {each.inputs['metadata']['namespace']}/{each.inputs['metadata']['name']}": early
            for each in shipped("peak", "preview").resources.values()
            if each.type == CRON_JOB
        },
        "promotion": PROMOTION,
        **more,
    }
    content.pop(without, None)
    return collected(content)


def frozen(edit: Edit, **more: Any) -> Edit:
    """The edit, in the freeze, with a baseline and evidence that are as they should be but for `more`."""
    made = given(edit.at(FROZEN), **{"baseline": baseline, "evidence": evidence(), **more})
    return replace(made, apply=lambda resources: edit.apply(resources) if _has_freeze(resources) else None)


def _has_freeze(resources: Resources) -> bool:
    return any(each.inputs.get("freezes") for each in resources.values())


def emergency(without: str = "", **more: Any) -> list[dict[str, Any]]:
    whole = {
        "ticket": "INC-7",
        "reason": "payments fail",
        "author": "a@x.example",
        "approver": "b@x.example",
        "rollback": "c0ffee",
        "opened": (FROZEN - timedelta(hours=2)).isoformat(),
        "until": (FROZEN + timedelta(hours=20)).isoformat(),
        "resources": [STOREFRONT_WHERE],
        **more,
    }
    whole.pop(without, None)
    return [whole]


def closed(made: datetime, **more: Any) -> Callable[[Evaluation], dict[str, Any]]:
    """The baseline that closed an emergency change."""
    return lambda each: released(each.stack, made, emergencies=emergency(**more))


def early(evaluation: Evaluation) -> dict[str, Any]:
    """The baseline of a release of two months ago."""
    return released(evaluation.stack, BEFORE_PEAKS - timedelta(days=25))


def hand_edited(evaluation: Evaluation) -> dict[str, Any]:
    return {**as_shipped(evaluation.stack), "season": "normal"}


def open_now(edit: Edit = NOTHING, without: str = "", **more: Any) -> Edit:
    return frozen(edit, emergencies=emergency(without, **more))


NOTE = 'metadata.annotations."team.example/note"'
CEILING = 'metadata.annotations."retail/replica-ceiling"'
ANOTHER_CEILING = (
    put(f"{SCALED_OBJECT}::-storefront", "spec.maxReplicaCount", lambda given: given + 1)
    + put(f"{SCALED_OBJECT}::-storefront", CEILING, lambda given: str(int(given) + 1))
    + put(f"{DEPLOYMENT}::odoo-storefront", CEILING, lambda given: str(int(given) + 1))
)
STOREFRONT = f"{SERVICE}::storefront"
STOREFRONT_WHERE = "Service grand-bazar-production/storefront"
RELABELLED = put(STOREFRONT, NOTE, "x")
MORE_QUOTA = put(RETAILER, "grantedVcpus", 4000)
"""A change that a freeze allows, and that no other rule minds."""
NEW_SERVICE = add(
    SERVICE,
    "extra",
    {
        "metadata": {"name": "extra", "namespace": "grand-bazar-production"},
        "spec": {"clusterIP": "None", "selector": {"app.kubernetes.io/name": "extra"}},
    },
    beside=STOREFRONT,
)
BUDGETS = "spec.disruption.budgets"


def near(edit: Edit) -> Edit:
    """The edit, days before the next peak or freeze, held against a release of months ago."""
    return given(edit.at(BEFORE_PEAKS), baseline=early)


def proven(evidence: Mapping[str, Any]) -> Edit:
    """A change that a freeze allows, with this evidence."""
    return frozen(MORE_QUOTA, evidence=evidence)


def later(hours: int) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """Every closed window as if local time were UTC: it begins so many hours too late."""

    def move(budgets: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**each, "schedule": _later(each["schedule"], hours)} if "schedule" in each else each for each in budgets
        ]

    return move


def _later(schedule: str, hours: int) -> str:
    minute, hour, day, *rest = schedule.split()
    moved = int(hour) + hours
    return " ".join([minute, str(moved % 24), str(int(day) + moved // 24), *rest])


def closed_budgets(**more: Any) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda budgets: [{**each, **more} if "schedule" in each else each for each in budgets]


TESTS = {
    "frz-01": RuleTests(
        on={"peak"},
        violating=[
            given(RELABELLED.at(FROZEN), evidence=evidence()),
            frozen(RELABELLED),
            frozen(NEW_SERVICE),
            frozen(NOTHING, baseline=with_gone(SERVICE, "old")),
            frozen(put(f"{DEPLOYMENT}::odoo-storefront", "spec.template.metadata.annotations.note", "x")),
            frozen(put(SERVICE_ACCOUNT, 'metadata.labels."team.example/note"', "x")),
            frozen(put(RETAILER, "freezes", [])),
            frozen(put(RETAILER, "regulated", True)),
            frozen(NOTHING, baseline=lambda _: as_shipped("outlet")),
            frozen(NOTHING, baseline=lambda each: released(each.stack, FROZEN + HOUR)),
            frozen(NOTHING, baseline=lambda each: released(each.stack, FROZEN - HOUR)),
            frozen(NOTHING, baseline=lambda each: released(each.stack, CLOCK - timedelta(days=40))),
            frozen(NOTHING, baseline=closed(FROZEN - HOUR, approver="A@x.example")),
            frozen(NOTHING, baseline=closed(FROZEN - 3 * HOUR)),
            frozen(NOTHING, baseline=was(SERVICE, provider="urn:pulumi:x")),
            open_now(put(f"{SERVICE}::websocket", NOTE, "x")),
            open_now(RELABELLED, until=(FROZEN - HOUR).isoformat()),
        ],
        absent=[frozen(drop(STOREFRONT, "metadata.labels")), fine(given(RELABELLED, baseline=baseline))],
        unknown=[frozen(forget(STOREFRONT, "spec.ports")), fine(given(forget(STOREFRONT, NOTE), baseline=baseline))],
        compliant=[
            frozen(NOTHING),
            frozen(NOTHING, evidence={}),
            frozen(MORE_QUOTA),
            frozen(ANOTHER_CEILING),
            frozen(put(f"{SCALED_OBJECT}::storefront", "spec.triggers[type=cron].metadata.desiredReplicas", "15")),
            given(RELABELLED.at(FROZEN), rehearsal=True),
            given(RELABELLED, baseline=baseline),
            given(RELABELLED.at(datetime(2027, 1, 18, tzinfo=UTC)), baseline=baseline),
            frozen(NOTHING, baseline=closed(FROZEN - HOUR)),
        ],
    ),
    "frz-02": RuleTests(
        on={"peak"},
        violating=[
            open_now(RELABELLED, approver="A@X.example "),
            open_now(rollback="0" * 40),
            open_now(opened=(FROZEN + HOUR).isoformat()),
            open_now(opened=(FROZEN + 30 * HOUR).isoformat()),
            open_now(resources=[]),
            open_now(ticket=" "),
            open_now(until="soon"),
            open_now(until="2026-11-28T00:00"),
        ],
        absent=[open_now(without=key) for key in (*Emergency.KEYS, "resources")],
        unknown=[open_now(author=None), fine(frozen(NOTHING, emergencies=[]))],
        compliant=[frozen(NOTHING, emergencies=[])],
    ),
    "frz-03": RuleTests(
        on={"peak"},
        violating=[
            open_now(until=(FROZEN + 71 * HOUR).isoformat()),
            open_now(until=(FROZEN - HOUR).isoformat()),
            only(STACKS, given(NOTHING, emergencies=emergency(until=(CLOCK - HOUR).isoformat(), opened=EARLIER))),
        ],
        absent=[fine(frozen(NOTHING))],
        unknown=[fine(open_now(until=None))],
        compliant=[frozen(NOTHING, emergencies=[])],
    ),
    "frz-04": RuleTests(
        on={"peak"},
        violating=[
            frozen(NOTHING, baseline=with_gone(BUCKET, "old")),
            frozen(NOTHING, baseline=with_gone(KMS_KEY, "old")),
            frozen(NOTHING, baseline=with_gone("aws:efs/fileSystem:FileSystem", "old", protected=True)),
            frozen(NOTHING, baseline=was(SERVICE, protect=True)),
            frozen(NOTHING, baseline=was(SECRETS_MANAGER_SECRET, provider="urn:pulumi:x")),
            frozen(put(KMS_KEY, "customerMasterKeySpec", "SYMMETRIC_DEFAULT")),
            frozen(put(EKS_CLUSTER, "bootstrapSelfManagedAddons", True)),
            frozen(put(RANDOM_PASSWORD, "length", 60)),
            frozen(put(f"{EKS_NODE_GROUP}::data", "diskSize", 30)),
            frozen(put(POSTGRES_CLUSTER, "spec.postgresUID", 27)),
            given(open_now(resources=["Bucket old", "stack"]), baseline=with_gone(BUCKET, "old")),
        ],
        absent=[frozen(drop(RANDOM_PASSWORD, "special"))],
        unknown=[frozen(forget(f"{EKS_NODE_GROUP}::data", "diskSize")), frozen(forget(RANDOM_PASSWORD, "length"))],
        compliant=[
            frozen(NOTHING),
            given(NOTHING, baseline=with_gone(BUCKET, "old")),
            given(NOTHING.at(FROZEN), baseline=with_gone(BUCKET, "old"), rehearsal=True),
        ],
    ),
    "frz-05": RuleTests(
        on={"outlet", "peak"},  # the peak of dev is more than two weeks away
        violating=[
            only({"peak"}, near(put(EKS_CLUSTER, "version", "1.34.9"))),
            only({"peak"}, near(put(HELM_RELEASE, "version", "9.9.9"))),
            near(put(NODE_CLASS, "spec.amiSelectorTerms[0].alias", "al2023@v20260901")),
            near(put(f"{EKS_NODE_GROUP}::data", "releaseVersion", "1.35.6-20260801")),
            near(put(POSTGRES_CLUSTER, "spec.imageName", lambda name: name.replace(":18.4", ":18.3"))),
            given(NOTHING.at(BEFORE_PEAKS), baseline=since(BEFORE_PEAKS - timedelta(days=1))),
        ],
        absent=[
            near(drop(f"{EKS_NODE_GROUP}::data", "releaseVersion")),
            fine(put(NODE_CLASS, "spec.amiSelectorTerms[0].alias", "al2023@v20260901").at(BEFORE_PEAKS)),
        ],
        unknown=[near(forget(f"{EKS_NODE_GROUP}::data", "releaseVersion"))],
        compliant=[
            given(
                put(NODE_CLASS, "spec.amiSelectorTerms[0].alias", "al2023@v20260901").at(LONG_BEFORE), baseline=early
            ),
            given(NOTHING.at(BEFORE_PEAKS), baseline=since(LONG_BEFORE)),
            given(NOTHING.at(BEFORE_PEAKS), baseline=early),
            near(put(f"{DEPLOYMENT}::odoo-storefront", "metadata.annotations.note", "x")),
        ],
    ),
    "frz-06": RuleTests(
        on=CALENDARS,
        violating=[
            put(NODE_POOL, BUDGETS, [{"nodes": "10%"}]),
            put(NODE_POOL, BUDGETS, closed_budgets(nodes="1")),
            put(NODE_POOL, BUDGETS, closed_budgets(nodes="")),
            put(NODE_POOL, BUDGETS, closed_budgets(nodes="%")),
            put(NODE_POOL, BUDGETS, closed_budgets(reasons=["Drifted", "Empty"])),
            put(NODE_POOL, BUDGETS, closed_budgets(duration="24h0m")),
            put(NODE_POOL, BUDGETS, later(hours=1)),
            only(ALL_NODES, put(NODE_POOL, "spec.template.spec.expireAfter", "720h")),
        ],
        absent=[
            drop(NODE_POOL, "spec.disruption"),
            drop(NODE_POOL, BUDGETS),
            only(ALL_NODES, drop(NODE_POOL, "spec.template.spec.expireAfter")),
        ],
        unknown=[
            only(ALL_NODES, forget(NODE_POOL, BUDGETS)),
            only(ALL_NODES, forget(NODE_POOL, "spec.template.spec.expireAfter")),
        ],
        compliant=[
            put(NODE_POOL, BUDGETS, [{"nodes": "0"}]),
            put(NODE_POOL, BUDGETS, closed_budgets(nodes="0%")),
            put(NODE_POOL, BUDGETS, closed_budgets(reasons=["Drifted", "Empty", "Underutilized"])),
        ],
    ),
    "frz-07": RuleTests(
        on={"peak"},
        violating=[
            proven({}),
            proven(evidence(stack="outlet")),
            proven(evidence(source={"kind": "rehearsal", "cluster": "0b1c", "version": "v1.35.7"})),
            proven(evidence(FROZEN - 25 * HOUR)),
            proven(evidence(FROZEN + HOUR)),
            proven(evidence(release="0" * 64)),
            proven(evidence(images={})),
            proven(evidence(backups={})),
            proven(evidence(backups={CLUSTER_WHERE: (FROZEN - 25 * HOUR).isoformat()})),
            proven(evidence(succeeded={})),
            proven(evidence(succeeded={DRILL_WHERE: (FROZEN - timedelta(days=10)).isoformat()})),
            proven(evidence(promotion={**PROMOTION, "approver": "A@x.example"})),
            proven(evidence(promotion={**PROMOTION, "authors": []})),
            proven({**evidence(), "made": (FROZEN - HOUR).isoformat()}),
        ],
        absent=[
            proven(evidence(without=key)) for key in ("promotion", "backups", "source", "release", "made", "stack")
        ],
        unknown=[proven(evidence(backups={CLUSTER_WHERE: "soon"}))],
        compliant=[
            proven(evidence()),
            proven(evidence(FROZEN - 20 * HOUR)),
            frozen(NOTHING, evidence={}),
            given(MORE_QUOTA, baseline=baseline),
        ],
    ),
    "frz-08": RuleTests(
        on={"peak"},
        violating=[open_now(), open_now(RELABELLED)],
        absent=[fine(frozen(NOTHING))],
        unknown=[fine(open_now(author=None))],
        compliant=[frozen(NOTHING, emergencies=[])],
    ),
}
test_edits, test_without, test_whole = rules_tested("frz", TESTS)
