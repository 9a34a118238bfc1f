"""The traps of Odoo on Kubernetes (facts, Odoo): each has a test here."""

import configparser
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.odoo import Odoo, OdooArgs
from components.odoo_config import LONGEST_SECONDS, queue_capacity, queue_channels
from components.tier_role import Filestore
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal
from retail.naming import Identity
from retail.plan import Plan
from retail.tiers import PROFILES, DatabasePath, Tier
from tests.components.odoo_options import FILE_ONLY, FLAGS, FROM_ENVIRONMENT, IN_FILE, flags_of

POOLER, DIRECT = "acme-db-pooler", "acme-db-rw"
PARTNERS, STANDBY = "acme-db-pooler-integration", "acme-db-ro"
WORKERS = (Tier.STOREFRONT, Tier.BACKOFFICE, Tier.POS, Tier.INTEGRATION, Tier.BACKGROUND)
WITHOUT_HTTP = (Tier.JOBRUNNER, Tier.SCHEDULED)
RELAY = {"smtp_host": "mail.example.com", "smtp_user": "shop", "smtp_password": "secret"}
KILL_MARGIN = 15
SERVERS = tuple(tier for tier in Tier if tier is not Tier.BATCH)


@pytest.fixture(scope="module")
def run_odoo(run_component: Any, identity: Identity) -> Callable[..., Evaluation]:
    def run(plan: Plan, *, preview: bool = False, owner: str = "acme") -> Evaluation:
        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            args = OdooArgs(
                identity=identity,
                plan=plan,
                placement_owner=owner,
                pooler_host=POOLER,
                integration_host=PARTNERS,
                direct_host=DIRECT,
                standby_host=STANDBY,
                database_cluster="acme-db",
                cluster_name="acme-production",
                filestore=Filestore(bucket="acme-filestore", prefix=identity.database),
            )
            Odoo("odoo", args, opts)

        evaluation: Evaluation = run_component(build, preview=preview)
        return evaluation

    return run


@pytest.fixture(scope="module")
def odoo(run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]) -> Evaluation:
    return run_odoo(make_test_plan())


def manifest(evaluation: Evaluation, kind: str, name: str) -> Any:
    found = [item.manifest for item in kubernetes_objects(evaluation) if (item.kind, item.name) == (kind, name)]
    assert len(found) == 1, f"{kind} {name}"
    return reveal(found[0])


def pod(evaluation: Evaluation, tier: Tier) -> Any:
    if tier is Tier.BATCH:
        return manifest(evaluation, "CronJob", "reconciliation")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return manifest(evaluation, "Deployment", str(tier))["spec"]["template"]["spec"]


def container(evaluation: Evaluation, tier: Tier) -> Any:
    return pod(evaluation, tier)["containers"][0]


def environment(evaluation: Evaluation, tier: Tier) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container(evaluation, tier)["env"]}


def conf(evaluation: Evaluation, tier: Tier) -> configparser.RawConfigParser:
    secret = manifest(evaluation, "ExternalSecret", f"odoo-{tier}")
    parser = configparser.RawConfigParser()
    parser.read_string(secret["spec"]["target"]["template"]["data"]["odoo.conf"])
    return parser


@pytest.mark.parametrize("tier", WORKERS)
def test_tiers_with_workers_run_no_scheduled_actions(odoo: Evaluation, tier: Tier) -> None:
    workers = PROFILES[tier].processes
    assert workers >= 2, "wkhtmltopdf calls back into the pod that renders"
    assert container(odoo, tier)["args"] == ["odoo", f"--workers={workers}", "--max-cron-threads=0"]


def test_scheduled_actions_run_in_prefork_mode_without_http(odoo: Evaluation) -> None:
    assert container(odoo, Tier.SCHEDULED)["args"] == ["odoo", "--workers=-1", "--no-http", "--max-cron-threads=2"]
    assert int(conf(odoo, Tier.SCHEDULED)["options"]["limit_time_real_cron"]) > 0


def test_the_websocket_tier_is_gevent_alone(odoo: Evaluation) -> None:
    assert container(odoo, Tier.WEBSOCKET)["args"] == ["odoo", "gevent"]


@pytest.mark.parametrize("tier", list(Tier))
def test_pid_1_is_tini_and_the_entrypoint_is_left_out(odoo: Evaluation, tier: Tier) -> None:
    assert container(odoo, tier)["command"] == ["tini", "--"]


@pytest.mark.parametrize("tier", list(Tier))
def test_listening_tiers_go_direct_and_no_other(odoo: Evaluation, tier: Tier) -> None:
    direct = tier in (Tier.WEBSOCKET, Tier.JOBRUNNER, Tier.SCHEDULED)
    assert (PROFILES[tier].path is DatabasePath.DIRECT) == direct
    pooler = PARTNERS if tier is Tier.INTEGRATION else POOLER
    assert conf(odoo, tier)["options"]["db_host"] == (DIRECT if direct else pooler)


@pytest.mark.parametrize("tier", list(Tier))
def test_only_reports_read_from_a_standby(odoo: Evaluation, tier: Tier) -> None:
    standby = conf(odoo, tier)["options"].get("db_replica_host")
    assert standby == (STANDBY if tier is Tier.BATCH else None)


@pytest.mark.parametrize("tier", list(Tier))
def test_the_configuration_is_closed(odoo: Evaluation, identity: Identity, tier: Tier) -> None:
    options = conf(odoo, tier)["options"]
    assert options["list_db"] == "False"
    assert options["proxy_mode"] == "True"
    assert options["db_name"] == identity.database
    assert options["dbfilter"] == f"^{identity.database}$"
    assert options["admin_passwd"] == "{{ .admin_passwd }}"
    assert options["db_password"] == "{{ .password }}"
    assert options["db_sslmode"] == "require"
    assert int(options["db_maxconn"]) == PROFILES[tier].db_maxconn < 64
    assert options["http_interface"] == "0.0.0.0"  # noqa: S104 - what is asserted
    modules = options["server_wide_modules"].split(",")
    assert {"base", "web", "session_redis", "session_redis_devices", "queue_job"} <= set(modules)
    assert options["addons_path"] == "/opt/addons", "the official image's file, which would say so, is not used"


@pytest.mark.parametrize("series", ["18", "19"])
def test_every_option_is_one_that_the_series_reads_from_there(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan], series: str
) -> None:
    evaluation = run_odoo(make_test_plan(odoo_version=series, **RELAY))
    for tier in Tier:
        assert set(conf(evaluation, tier)["options"]) <= IN_FILE[series]
        server = container(evaluation, tier)
        # What click-odoo's own options are is not Odoo's to know.
        if tier is not Tier.BATCH:
            assert flags_of(server["args"]) <= FLAGS
        given = {item["name"] for item in server["env"]}
        assert given & FROM_ENVIRONMENT[series] == {"ODOO_RC"}, "19 would take it over the file"


def test_no_password_is_an_argument_or_a_variable(odoo: Evaluation) -> None:
    assert "admin_passwd" in FILE_ONLY, "so there is a file, and the other passwords are in it as well"
    for tier in Tier:
        server = container(odoo, tier)
        assert not [argument for argument in server["args"] if "password" in argument or "passwd" in argument]
        assert not [item["name"] for item in server["env"] if "PASS" in item["name"]]


@pytest.mark.parametrize("tier", list(Tier))
def test_mail_goes_out_from_business_code_and_nowhere_else(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan], identity: Identity, tier: Tier
) -> None:
    evaluation = run_odoo(make_test_plan(**RELAY))
    options = conf(evaluation, tier)["options"]
    data = manifest(evaluation, "ExternalSecret", f"odoo-{tier}")["spec"]["data"]
    remote = {item["secretKey"]: item["remoteRef"] for item in data}
    if tier in (Tier.WEBSOCKET, Tier.JOBRUNNER):
        assert not [key for key in options if key.startswith("smtp")]
        assert "smtp_password" not in remote
        return
    assert {key: options[key] for key in options if key.startswith("smtp")} == {
        "smtp_server": "mail.example.com",
        "smtp_port": "587",
        "smtp_ssl": "True",
        "smtp_user": "shop",
        "smtp_password": "{{ .smtp_password }}",
    }
    assert remote["smtp_password"] == {"key": identity.secret_path("smtp"), "property": "password"}


def test_without_a_relay_nothing_of_mail_is_configured(odoo: Evaluation) -> None:
    for tier in Tier:
        assert "smtp" not in str(manifest(odoo, "ExternalSecret", f"odoo-{tier}"))


def test_19_keeps_remote_calls_and_18_has_no_such_module(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]
) -> None:
    for version, has_module in (("18", False), ("19", True)):
        evaluation = run_odoo(make_test_plan(odoo_version=version))
        modules = conf(evaluation, Tier.INTEGRATION)["options"]["server_wide_modules"].split(",")
        assert ("rpc" in modules) == has_module


def resident_mib(tier: Tier) -> int:
    """Memory of a pod's processes at their worst, from its own command line and Odoo's figures (facts, Odoo §2)."""
    processes, heavy, gevent, parent = PROFILES[tier].processes, 600, 400, 300
    if tier is Tier.WEBSOCKET:
        return gevent
    if tier in WORKERS:
        return processes * heavy + gevent + parent  # prefork with HTTP starts a gevent child, wanted or not
    if tier is Tier.BATCH:
        return heavy
    return processes * heavy + parent


@pytest.mark.parametrize("tier", list(Tier))
def test_memory_limits_are_virtual_and_the_container_holds_the_processes(
    odoo: Evaluation, make_test_plan: Callable[..., Plan], tier: Tier
) -> None:
    options = conf(odoo, tier)["options"]
    mib = 1024 * 1024
    assert int(options["limit_memory_hard"]) >= 1.5 * 600 * mib
    assert int(options["limit_memory_soft"]) < int(options["limit_memory_hard"])
    limit = int(container(odoo, tier)["resources"]["limits"]["memory"].removesuffix("Mi"))
    assert limit == make_test_plan().tiers[tier].memory_limit_mib
    assert limit >= resident_mib(tier)
    assert environment(odoo, tier)["MALLOC_ARENA_MAX"] == "2"


def test_only_the_runner_has_channels(odoo: Evaluation, make_test_plan: Callable[..., Plan]) -> None:
    plan = make_test_plan()
    for tier in Tier:
        runs = tier is Tier.JOBRUNNER
        assert environment(odoo, tier)["ODOO_QUEUE_JOB_CHANNELS"] == (queue_channels(plan) if runs else "root:0")
    runner = environment(odoo, Tier.JOBRUNNER)
    assert runner["ODOO_QUEUE_JOB_HOST"] == "background"
    assert runner["ODOO_QUEUE_JOB_JOBRUNNER_DB_HOST"] == DIRECT
    assert manifest(odoo, "Service", "background")["spec"]["ports"][0]["port"] == 8069


def test_the_queue_has_a_batch_channel_that_peak_season_narrows(make_test_plan: Callable[..., Plan]) -> None:
    normal, peak = make_test_plan(orders_per_hour=20_000), make_test_plan(orders_per_hour=20_000, season="peak")
    capacity = queue_capacity(normal.tiers[Tier.BACKGROUND])
    assert queue_channels(normal) == f"root:{capacity},root.batch:{capacity // 4}"
    assert queue_channels(peak).endswith("root.batch:1")


@pytest.mark.parametrize("tier", [*WORKERS, Tier.WEBSOCKET])
def test_liveness_never_asks_a_worker(odoo: Evaluation, tier: Tier) -> None:
    server = container(odoo, tier)
    assert "tcpSocket" in server["livenessProbe"]
    for probe in ("startupProbe", "readinessProbe"):
        assert server[probe]["httpGet"]["path"] == "/web/health"
    start = server["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] >= 300


@pytest.mark.parametrize("tier", WITHOUT_HTTP)
def test_tiers_without_http_are_probed_from_inside(odoo: Evaluation, tier: Tier) -> None:
    server = container(odoo, tier)
    assert server["livenessProbe"]["exec"]["command"][-1] == str(tier)
    assert "readinessProbe" not in server
    assert "ports" not in server


@pytest.mark.parametrize("tier", SERVERS)
def test_a_pod_has_time_to_finish_its_longest_request(odoo: Evaluation, tier: Tier) -> None:
    """Grace runs from the deletion on: preStop, then SIGTERM and the request that has just begun, then Odoo's kill."""
    server = container(odoo, tier)
    options = conf(odoo, tier)["options"]
    before = server["lifecycle"]["preStop"]["sleep"]["seconds"]
    longest = max(int(options["limit_time_real"]), int(options.get("limit_time_real_cron", 0)))
    assert longest == LONGEST_SECONDS[tier]
    grace = pod(odoo, tier)["terminationGracePeriodSeconds"]
    assert grace >= before + longest + KILL_MARGIN
    assert grace <= before + longest + 60, "a drain would wait for nothing"


@pytest.mark.parametrize("tier", [*WORKERS, Tier.WEBSOCKET])
def test_a_pod_takes_no_new_request_when_it_stops(odoo: Evaluation, tier: Tier) -> None:
    """Traefik hears of a pod that leaves within the preStop's sleep; till then the pod must serve."""
    server = container(odoo, tier)
    assert server["lifecycle"]["preStop"] == {"sleep": {"seconds": 10}}
    readiness = server["readinessProbe"]
    assert readiness["timeoutSeconds"] * readiness["failureThreshold"] <= 30


@pytest.mark.parametrize("tier", list(Tier))
def test_pods_are_restricted(odoo: Evaluation, tier: Tier) -> None:
    spec = pod(odoo, tier)
    assert spec["enableServiceLinks"] is False
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == str(tier)
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsGroup"]) == (100, 101)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["priorityClassName"] == str(PROFILES[tier].workload_class)
    for each in spec["containers"]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert "@sha256:" in each["image"]
    writable = {mount["mountPath"] for mount in container(odoo, tier)["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/var/lib/odoo", "/tmp"}  # noqa: S108 - what is asserted
    assert environment(odoo, tier)["HOME"] in writable
    assert environment(odoo, tier)["PYTHONDONTWRITEBYTECODE"] == "1"


def test_replicas_are_kedas_where_it_scales(odoo: Evaluation) -> None:
    for tier in SERVERS:
        assert ("replicas" in manifest(odoo, "Deployment", str(tier))["spec"]) != PROFILES[tier].scaled


@pytest.mark.parametrize("tier", SERVERS)
def test_pods_are_spread_and_drains_go_through(odoo: Evaluation, tier: Tier) -> None:
    zone = pod(odoo, tier)["topologySpreadConstraints"][0]
    assert (zone["topologyKey"], zone["maxSkew"], zone["whenUnsatisfiable"]) == (
        "topology.kubernetes.io/zone",
        1,
        "DoNotSchedule",
    )
    assert zone["nodeTaintsPolicy"] == "Honor"
    fixed = not PROFILES[tier].scaled
    assert zone.get("minDomains") == (2 if fixed else None), "a fixed pair never shares a zone; what scales always may"
    budget = manifest(odoo, "PodDisruptionBudget", str(tier))["spec"]
    assert budget["maxUnavailable"] in (1, "10%")
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    rolling = manifest(odoo, "Deployment", str(tier))["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxUnavailable": 0, "maxSurge": "25%"}


def test_pods_run_on_their_owners_nodes(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]
) -> None:
    spec = pod(run_odoo(make_test_plan(), owner="platform"), Tier.POS)
    assert spec["nodeSelector"] == {"retail/pool": "web", "retail/tenant": "platform"}
    assert {item["key"] for item in spec["tolerations"]} == {"retail/pool", "retail/tenant"}


def test_changed_secrets_reach_the_pods(odoo: Evaluation) -> None:
    annotations = manifest(odoo, "Deployment", "pos")["metadata"]["annotations"]
    assert annotations["secret.reloader.stakater.com/reload"] == "odoo-pos,redis"


def test_the_session_store_is_a_secret_reference(odoo: Evaluation) -> None:
    (url,) = [item for item in container(odoo, Tier.POS)["env"] if item["name"] == "ODOO_SESSION_REDIS_URL"]
    assert url["valueFrom"]["secretKeyRef"] == {"name": "redis", "key": "url"}


@pytest.mark.parametrize("tier", list(Tier))
def test_only_tiers_that_make_exports_reach_them_and_none_erases_them(
    odoo: Evaluation, identity: Identity, tier: Tier
) -> None:
    bucket = "acme-production-exports-111122223333-eu-central-1"
    urls = [item["value"] for item in container(odoo, tier)["env"] if item["name"] == "EXPORTS_URL"]
    policies = [r.inputs["policy"] for r in odoo.resources.values() if r.name == f"odoo-{tier}-role-policy"]
    statements = [each for policy in policies for each in json.loads(policy)["Statement"] if each["Sid"] == "Exports"]
    if tier in (Tier.BACKOFFICE, Tier.BATCH):
        assert urls == [f"s3://{bucket}/{identity.namespace}"]
        (statement,) = statements
        assert statement["Resource"] == f"arn:aws:s3:::{bucket}/{identity.namespace}/*"
        assert not [action for action in statement["Action"] if "Delete" in action]
    else:
        assert (urls, statements) == ([], [])


def test_tiers_with_attachments_have_a_role_of_their_own(odoo: Evaluation, identity: Identity) -> None:
    roles = {
        resource.inputs["name"]: resource
        for resource in odoo.resources.values()
        if resource.type == "aws:iam/role:Role"
    }
    with_attachments = [tier for tier in Tier if tier not in (Tier.WEBSOCKET, Tier.JOBRUNNER)]
    assert set(roles) == {identity.iam(str(name)) for name in [*with_attachments, "release"]}
    policies = [r.inputs["policy"] for r in odoo.resources.values() if r.type == "aws:iam/rolePolicy:RolePolicy"]
    for policy in policies:
        assert f"arn:aws:s3:::acme-filestore/{identity.database}/*" in policy
        assert "DeleteObjectVersion" not in policy
        assert "s3:*" not in policy
    # Fields that fs_storage_environment reads; it would pass over any other in silence.
    assert dict(conf(odoo, Tier.BACKGROUND)["fs_storage.filestore"]) == {
        "protocol": "s3",
        "directory_path": f"acme-filestore/{identity.database}",
    }
    assert "fs_storage.filestore" not in conf(odoo, Tier.WEBSOCKET)


def test_batch_runs_at_night_and_not_in_peak_season(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]
) -> None:
    for season in ("normal", "peak"):
        spec = manifest(run_odoo(make_test_plan(season=season)), "CronJob", "reconciliation")["spec"]
        assert spec["suspend"] is (season == "peak")
        assert spec["timeZone"] == "Europe/Paris"
        assert spec["concurrencyPolicy"] == "Forbid"
        assert spec["schedule"] == "30 3 * 1,2,3,4,5,6,7,8,9,10,12 *", "its calendar has a peak in November"


def test_batch_never_runs_where_every_month_has_a_peak(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]
) -> None:
    always = {"name": "always", "start": "2026-01-01T00:00", "end": "2026-12-31T23:00", "factor": 2}
    spec = manifest(run_odoo(make_test_plan(peaks=[always])), "CronJob", "reconciliation")["spec"]
    assert spec["suspend"] is True
    assert spec["schedule"] == "30 3 * * *"


def test_configuration_is_whole_in_a_preview(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]
) -> None:
    assert conf(run_odoo(make_test_plan(), preview=True), Tier.POS)["options"]["db_host"] == POOLER


def test_a_plan_without_tiers_is_refused(identity: Identity, make_test_plan: Callable[..., Plan]) -> None:
    platform = make_test_plan(hosting="platform")
    with pytest.raises(pulumi.InputPropertiesError, match="missing storefront, backoffice"):
        OdooArgs(
            identity=identity,
            plan=platform,
            placement_owner="acme",
            pooler_host=POOLER,
            integration_host=PARTNERS,
            direct_host=DIRECT,
            standby_host=STANDBY,
            database_cluster="acme-db",
            cluster_name="acme",
            filestore=Filestore(bucket="b", prefix="p"),
        )


@pytest.mark.parametrize("prefix", ["", "/", "a*"])
def test_a_role_is_never_cut_to_everything(prefix: str) -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="prefix"):
        Filestore(bucket="b", prefix=prefix)
