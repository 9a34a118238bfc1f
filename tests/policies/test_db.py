"""Edits that the rules on the database must catch, and edits that they must not."""

from collections.abc import Callable
from typing import Any

from guardrails.baseline import written
from guardrails.kinds import (
    DATABASE_ROLE,
    DEPLOYMENT,
    EKS_NODE_GROUP,
    EXTERNAL_SECRET,
    NODE_POOL,
    POOLER,
    POSTGRES_CLUSTER,
    SCALED_OBJECT,
    STORAGE_CLASS,
)
from rehearsal.engine.model import Evaluation
from rehearsal.guardrails.baseline import release_of
from tests.policies.edits import Edit, drop, fine, forget, given, modify, only, put
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLOCK, OWN_DATABASE, OWNERS, PRODUCTION, SERVING

CONF = 'spec.target.template.data."odoo.conf"'
STOREFRONT_CONF = f"{EXTERNAL_SECRET}::=odoo-storefront"
WEBSOCKET_CONF = f"{EXTERNAL_SECRET}::=odoo-websocket"
SCHEDULED_CONF = f"{EXTERNAL_SECRET}::=odoo-scheduled"
STOREFRONT = f"{DEPLOYMENT}::odoo-storefront"
SCHEDULED = f"{DEPLOYMENT}::odoo-scheduled"
RUNNER = f"{DEPLOYMENT}::odoo-jobrunner"
MAIN_POOLER = f"{POOLER}::database-pooler"
DATA_GROUP = f"{EKS_NODE_GROUP}::nodes-data"
RUNNER_HOST = "spec.template.spec.containers[0].env[name=ODOO_QUEUE_JOB_JOBRUNNER_DB_HOST].value"
PARAMETERS = "spec.postgresql.parameters"
POOL = "spec.pgbouncer.parameters"
SYNCHRONOUS = "spec.postgresql.synchronous"
ISOLATION = "spec.probes.liveness.isolationCheck"
CEILING = 'metadata.annotations."retail/replica-ceiling"'
LIMIT, REQUEST = "spec.resources.limits.memory", "spec.resources.requests.memory"


def conf(what: str, before: str, after: str) -> Edit:
    """A line of an odoo.conf, changed."""
    edit = put(what, CONF, lambda text: _line(text, before, after))
    return Edit(f"{what} {before} -> {after}", edit.apply)


def _line(text: str, option: str, value: str) -> str:
    lines = [f"{option} = {value}" if line.startswith(f"{option} =") else line for line in text.splitlines()]
    assert lines != text.splitlines(), f"no {option} to change"
    return "\n".join(line for line in lines if not line.endswith(" = GONE"))


def through_pooler(what: str) -> Edit:
    """The host of a tier's odoo.conf leads to the stack's pooler."""
    edit = put(what, CONF, lambda text: text.replace("-db-rw.", "-db-pooler."))
    return Edit(f"{what} through the pooler", edit.apply)


def argument(what: str, before: str, after: str) -> Edit:
    """An argument of the first container, changed."""

    def change(inputs: dict[str, Any]) -> None:
        container = inputs["spec"]["template"]["spec"]["containers"][0]
        assert before in container["args"], container["args"]
        container["args"] = [after if word == before else word for word in container["args"]]

    return modify(f"{what} {before} -> {after}", what, change)


def without_argument(word: str) -> Callable[[dict[str, Any]], None]:
    """Takes an argument of the first container away."""

    def change(inputs: dict[str, Any]) -> None:
        inputs["spec"]["template"]["spec"]["containers"][0]["args"].remove(word)

    return change


def times(factor: float) -> Callable[[str], str]:
    """So many times the size, in its own unit."""

    def change(size: str) -> str:
        number = size.rstrip("MBGi")
        return f"{int(float(number) * factor)}{size.removeprefix(number)}"

    return change


def role_without_limit(inputs: dict[str, Any]) -> None:
    for role in inputs["spec"]["managed"]["roles"]:
        role.pop("connectionLimit", None)


def since_other_season(edit: Edit) -> Edit:
    """The edit, held against a release of the same program in the other season."""

    def baseline(evaluation: Evaluation) -> dict[str, Any]:
        own = next(each.inputs["season"] for each in evaluation.resources.values() if "season" in each.inputs)
        before = "normal" if own == "peak" else "peak"
        return written(release_of(evaluation, before, CLOCK))

    return given(edit, baseline=baseline)


TESTS = {
    "db-01": RuleTests(
        on=OWN_DATABASE,
        violating=[
            only(OWNERS, put(MAIN_POOLER, "spec.pgbouncer.parameters.max_client_conn", "100")),
            conf(STOREFRONT_CONF, "db_maxconn", "64"),
            put(f"{SCALED_OBJECT}::storefront", "spec.maxReplicaCount", 60),
            # What people may scale to by hand counts as well.
            put(f"{SCALED_OBJECT}::storefront", CEILING, "300"),
            put(STOREFRONT, CEILING, "300"),
            argument(STOREFRONT, "--workers=4", "--workers=40"),
            only({"outlet", "peak"}, put(MAIN_POOLER, "spec.instances", 1)),
        ],
        absent=[
            only(OWNERS, drop(MAIN_POOLER, "spec.pgbouncer.parameters.max_client_conn")),
            conf(STOREFRONT_CONF, "db_maxconn", "GONE"),
            drop(f"{SCALED_OBJECT}::storefront", "spec.maxReplicaCount"),
        ],
        unknown=[
            only(OWNERS, forget(MAIN_POOLER, "spec.pgbouncer.parameters.max_client_conn")),
            forget(STOREFRONT_CONF, CONF),
            forget(f"{SCALED_OBJECT}::storefront", "spec.maxReplicaCount"),
        ],
        compliant=[
            put(MAIN_POOLER, "spec.pgbouncer.parameters.max_client_conn", lambda most: str(int(most) + 500)),
            conf(STOREFRONT_CONF, "db_maxconn", "4"),
        ],
    ),
    "db-02": RuleTests(
        on=OWNERS,
        violating=[
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.max_connections", "50"),
            put(MAIN_POOLER, "spec.pgbouncer.parameters.default_pool_size", "400")
            + put(MAIN_POOLER, "spec.pgbouncer.parameters.max_db_connections", "0"),
            only(OWN_DATABASE, modify("a role without limit", POSTGRES_CLUSTER, role_without_limit)),
            only(SERVING, conf(WEBSOCKET_CONF, "db_maxconn_gevent", "200")),
            only(SERVING, put(f"{SCALED_OBJECT}::websocket", CEILING, "400")),
            only(SERVING, argument(SCHEDULED, "--max-cron-threads=2", "--max-cron-threads=20")),
            only({"training"}, put(DATABASE_ROLE, "spec.connectionLimit", 30)),
            only({"training"}, put(DATABASE_ROLE, "spec.connectionLimit", 600)),
            only({"training"}, put(DATABASE_ROLE, "spec.connectionLimit", -1)),
        ],
        absent=[
            fine(drop(MAIN_POOLER, "spec.pgbouncer.parameters.reserve_pool_size")),
            only({"training"}, drop(DATABASE_ROLE, "spec.connectionLimit")),
            only({"outlet", "peak", "platform", "dev"}, drop(POSTGRES_CLUSTER, f"{PARAMETERS}.max_connections")),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, f"{PARAMETERS}.max_connections"),
            forget(MAIN_POOLER, "spec.pgbouncer.parameters"),
            only({"training"}, forget(DATABASE_ROLE, "spec.connectionLimit")),
        ],
        compliant=[put(POSTGRES_CLUSTER, f"{PARAMETERS}.log_temp_files", "128MB")],
    ),
    "db-03": RuleTests(
        on=SERVING,
        violating=[
            through_pooler(WEBSOCKET_CONF),
            through_pooler(SCHEDULED_CONF),
            conf(WEBSOCKET_CONF, "db_host", "somewhere.else.svc"),
            argument(STOREFRONT, "--max-cron-threads=0", "--max-cron-threads=1"),
            put(RUNNER, RUNNER_HOST, lambda host: host.replace("-db-rw.", "-db-pooler.")),
        ],
        absent=[
            conf(WEBSOCKET_CONF, "db_host", "GONE"),
            modify("cron threads by default", STOREFRONT, without_argument("--max-cron-threads=0")),
        ],
        unknown=[forget(WEBSOCKET_CONF, CONF), forget(RUNNER, RUNNER_HOST)],
        compliant=[conf(STOREFRONT_CONF, "limit_request", "4096")],
    ),
    "db-04": RuleTests(
        on={"peak"},
        violating=[
            put(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.number", 0),
            put(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.number", 2),
            put(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.method", "first"),
            put(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.dataDurability", "preferred"),
            put(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.failoverQuorum", False),
            drop(POSTGRES_CLUSTER, SYNCHRONOUS),
        ],
        absent=[
            drop(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.number"),
            drop(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.failoverQuorum"),
            fine(drop(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.dataDurability")),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.number"),
            forget(POSTGRES_CLUSTER, SYNCHRONOUS),
            forget(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.dataDurability"),
        ],
        compliant=[put(POSTGRES_CLUSTER, f"{SYNCHRONOUS}.number", 1.0)],
    ),
    "db-05": RuleTests(
        on=OWNERS,
        violating=[
            put(POSTGRES_CLUSTER, "spec.switchoverDelay", 36000),
            put(POSTGRES_CLUSTER, "spec.stopDelay", 36000),
            put(POSTGRES_CLUSTER, "spec.smartShutdownTimeout", lambda _: 100000),
            put(POSTGRES_CLUSTER, "spec.failoverDelay", 36000),
            put(POSTGRES_CLUSTER, "spec.primaryLease.leaseDurationSeconds", 10000),
            only(PRODUCTION, put(POSTGRES_CLUSTER, f"{ISOLATION}.enabled", False)),
        ],
        absent=[
            fine(drop(POSTGRES_CLUSTER, ISOLATION)),
            only({"outlet", "peak", "platform"}, drop(POSTGRES_CLUSTER, "spec.switchoverDelay")),
            only({"outlet", "peak", "platform"}, drop(POSTGRES_CLUSTER, "spec.stopDelay")),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, "spec.switchoverDelay"),
            forget(POSTGRES_CLUSTER, "spec.stopDelay"),
            only(PRODUCTION, forget(POSTGRES_CLUSTER, f"{ISOLATION}.enabled")),
        ],
        compliant=[
            put(POSTGRES_CLUSTER, "spec.switchoverDelay", 45),
            put(POSTGRES_CLUSTER, f"{ISOLATION}.requestTimeout", 5000),
        ],
    ),
    "db-06": RuleTests(
        on=OWN_DATABASE,
        violating=[
            only(OWNERS, drop(POSTGRES_CLUSTER, "spec.walStorage")),
            only({"peak"}, put(POSTGRES_CLUSTER, "spec.walStorage.size", "30Gi")),
            only(OWNERS, put(POSTGRES_CLUSTER, "spec.walStorage.size", "1Gi")),
        ],
        absent=[
            only(OWNERS, drop(POSTGRES_CLUSTER, "spec.walStorage.size")),
            only(OWNERS, drop(POSTGRES_CLUSTER, f"{PARAMETERS}.max_wal_size")),
        ],
        unknown=[only(OWNERS, forget(POSTGRES_CLUSTER, "spec.walStorage.size"))],
        compliant=[put(POSTGRES_CLUSTER, "spec.walStorage.size", "64Gi")],
    ),
    "db-07": RuleTests(
        on=OWNERS,
        violating=[
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.max_slot_wal_keep_size", "-1"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.max_slot_wal_keep_size", "2TB"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.statement_timeout", "0"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.idle_in_transaction_session_timeout", "0"),
        ],
        absent=[
            drop(POSTGRES_CLUSTER, f"{PARAMETERS}.max_slot_wal_keep_size"),
            drop(POSTGRES_CLUSTER, f"{PARAMETERS}.statement_timeout"),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, f"{PARAMETERS}.statement_timeout"),
            forget(POSTGRES_CLUSTER, f"{PARAMETERS}.max_slot_wal_keep_size"),
        ],
        compliant=[put(POSTGRES_CLUSTER, f"{PARAMETERS}.statement_timeout", "600000")],
    ),
    "db-08": RuleTests(
        on=SERVING,
        violating=[
            conf(STOREFRONT_CONF, "list_db", "True"),
            conf(STOREFRONT_CONF, "dbfilter", ".*"),
            conf(STOREFRONT_CONF, "db_name", "another_retailer"),
            conf(STOREFRONT_CONF, "db_name", "one,two"),
            conf(SCHEDULED_CONF, "dbfilter", "^%d$"),
        ],
        absent=[
            conf(STOREFRONT_CONF, "list_db", "GONE"),
            conf(STOREFRONT_CONF, "db_name", "GONE"),
            conf(STOREFRONT_CONF, "dbfilter", "GONE"),
            drop(STOREFRONT_CONF, CONF),
        ],
        unknown=[forget(STOREFRONT_CONF, CONF)],
        compliant=[conf(STOREFRONT_CONF, "list_db", "false")],
    ),
    "db-09": RuleTests(
        on=OWNERS,
        violating=[
            put(DATA_GROUP, "capacityType", "SPOT"),
            drop(DATA_GROUP, "taints"),
            put(DATA_GROUP, "taints[*].effect", "PREFER_NO_SCHEDULE"),
            drop(POSTGRES_CLUSTER, "spec.affinity.nodeSelector"),
            put(f"{NODE_POOL}::web", 'spec.template.metadata.labels."retail/pool"', "data")
            + put(f"{NODE_POOL}::web", "spec.template.spec.taints[0].value", "data"),
        ],
        absent=[fine(drop(DATA_GROUP, "capacityType")), drop(DATA_GROUP, "taints")],
        unknown=[forget(DATA_GROUP, "capacityType"), forget(DATA_GROUP, "taints")],
        compliant=[put(f"{DATA_GROUP}-eu-central-1a", "instanceTypes[0]", "r7i.12xlarge")],
    ),
    "db-10": RuleTests(
        on=OWNERS,
        violating=[
            since_other_season(put(POSTGRES_CLUSTER, "spec.storage.size", "4Ti")),
            since_other_season(put(POSTGRES_CLUSTER, f"{PARAMETERS}.shared_buffers", "1GB")),
            since_other_season(put(POSTGRES_CLUSTER, "spec.resources.requests.cpu", "500m")),
            since_other_season(put(DATA_GROUP, "instanceTypes[0]", "r7i.large")),
            since_other_season(put(f"{STORAGE_CLASS}::volumes-data", "parameters.iops", "16001")),
        ],
        absent=[since_other_season(drop(POSTGRES_CLUSTER, "spec.resources"))],
        unknown=[
            since_other_season(forget(POSTGRES_CLUSTER, "spec.storage.size")),
        ],
        compliant=[
            since_other_season(put(f"{SCALED_OBJECT}::storefront", "metadata.annotations.note", "season")),
            put(POSTGRES_CLUSTER, "spec.inheritedMetadata.annotations.note", "no baseline, nothing to compare"),
        ],
    ),
    "db-11": RuleTests(
        on=OWNERS,
        violating=[
            put(POOLER, "spec.type", "ro"),
            put(POOLER, "spec.pgbouncer.poolMode", "session"),
            put(POOLER, "spec.cluster.name", "other"),
            put(POOLER, f"{POOL}.client_tls_sslmode", "allow"),
        ],
        absent=[
            drop(POOLER, "spec.pgbouncer.poolMode"),
            drop(POOLER, f"{POOL}.client_tls_sslmode"),
            drop(POOLER, "spec.cluster"),
            fine(drop(POOLER, "spec.type")),
        ],
        unknown=[
            forget(POOLER, "spec.type"),
            forget(POOLER, "spec.pgbouncer.poolMode"),
            forget(POOLER, "spec.cluster.name"),
        ],
        compliant=[put(POOLER, f"{POOL}.client_tls_sslmode", "verify-full")],
    ),
    "db-12": RuleTests(
        on=OWNERS,
        violating=[
            put(POSTGRES_CLUSTER, LIMIT, times(0.5)),
            put(POSTGRES_CLUSTER, REQUEST, times(0.5)),
            put(POSTGRES_CLUSTER, LIMIT, "4Gi") + put(POSTGRES_CLUSTER, REQUEST, "4Gi"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.shared_buffers", times(2)),
            # A bare number counts pages of 8 kB.
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.shared_buffers", "20000000"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.work_mem", times(20)),
            only({"platform"}, put(POSTGRES_CLUSTER, f"{PARAMETERS}.work_mem", times(2))),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.hash_mem_multiplier", "40"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.maintenance_work_mem", "64GB"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.autovacuum_work_mem", "64GB"),
            drop(POSTGRES_CLUSTER, LIMIT),
        ],
        absent=[
            drop(POSTGRES_CLUSTER, "spec.resources"),
            fine(drop(POSTGRES_CLUSTER, REQUEST)),
            fine(drop(POSTGRES_CLUSTER, f"{PARAMETERS}.shared_buffers")),
            fine(drop(POSTGRES_CLUSTER, f"{PARAMETERS}.work_mem")),
            fine(drop(POSTGRES_CLUSTER, f"{PARAMETERS}.maintenance_work_mem")),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, LIMIT),
            forget(POSTGRES_CLUSTER, REQUEST),
            forget(POSTGRES_CLUSTER, f"{PARAMETERS}.shared_buffers"),
            forget(POSTGRES_CLUSTER, f"{PARAMETERS}.work_mem"),
        ],
        compliant=[
            put(POSTGRES_CLUSTER, LIMIT, times(1.1)),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.shared_buffers", "4GB"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.work_mem", "20MB"),
            # Where maintenance has much, autovacuum may be told to take less.
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.maintenance_work_mem", "6GB")
            + put(POSTGRES_CLUSTER, f"{PARAMETERS}.autovacuum_work_mem", "512MB"),
        ],
    ),
    "db-13": RuleTests(
        on=SERVING,
        violating=[
            put(f"{SCALED_OBJECT}::storefront", CEILING, ""),
            put(f"{SCALED_OBJECT}::storefront", CEILING, "0"),
            put(f"{SCALED_OBJECT}::storefront", CEILING, "many"),
            put(STOREFRONT, CEILING, "1"),
            only({"peak"}, put(f"{SCALED_OBJECT}::storefront", CEILING, "12")),
            drop(f"{SCALED_OBJECT}::storefront", CEILING),
        ],
        absent=[
            drop(STOREFRONT, CEILING),
            drop(SCHEDULED, CEILING),
            drop(f"{SCALED_OBJECT}::storefront", "metadata.annotations"),
        ],
        unknown=[forget(f"{SCALED_OBJECT}::storefront", CEILING), forget(STOREFRONT, CEILING)],
        compliant=[
            put(STOREFRONT, "metadata.annotations.note", "ceiling"),
            put(f"{SCALED_OBJECT}::pos", CEILING, lambda most: str(int(most) + 1)),
        ],
    ),
}

test_edits, test_without, test_whole = rules_tested("db", TESTS)
