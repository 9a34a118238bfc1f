"""The configuration of an Odoo tier: odoo.conf (a Secret, for it holds passwords), time limits and environment.

What only the file can say stands in the file (`admin_passwd`, database credentials, `list_db`); processes are command
line flags (components/odoo_pod.py), session and queue settings environment, as their modules want it. Every name is one
that both series read where it is written (tests/components/odoo_options.py has them, with sources). No variable is
named after an option of Odoo: 19 takes `ODOO_<OPTION>` and `PG*` over the file, 18 takes neither.
"""

import math
from collections.abc import Mapping
from typing import Any

import pulumi

from components.redis import session_environment
from components.secrets import DATABASE_APP, ODOO_ADMIN, SMTP
from components.tier_role import Filestore
from retail.naming import Identity
from retail.plan import Plan, TierPlan
from retail.tiers import PROFILES, Tier

CONF_DIR = "/etc/odoo"
CONF_FILE = "odoo.conf"
DATA_DIR = "/var/lib/odoo"
ADDONS_DIR = "/opt/addons"
"""Where the image has every addon that is not Odoo's own (image/Dockerfile)."""

HTTP_PORT, WEBSOCKET_PORT = 8069, 8072
QUEUE_HOST = str(Tier.BACKGROUND)

REPORT_TIER = Tier.BACKOFFICE
"""Where `report.url` points: wkhtmltopdf fetches a report's styles from there and not through the public host."""

FILESTORE_CODE = "filestore"
"""Code of the `fs.storage` record that the section of odoo.conf configures (OCA fs_storage_environment)."""

FILESTORE_TIERS = (
    Tier.STOREFRONT,
    Tier.BACKOFFICE,
    Tier.POS,
    Tier.INTEGRATION,
    Tier.BACKGROUND,
    Tier.SCHEDULED,
    Tier.BATCH,
)
"""Tiers that run business code: they read and write attachments, may call partners, and send mail at the end of a
request. The websocket and runner processes do none of it, so they get no AWS role and no way out."""

LONGEST_SECONDS: dict[Tier, int] = {
    Tier.STOREFRONT: 120,
    Tier.BACKOFFICE: 300,
    Tier.POS: 120,
    Tier.WEBSOCKET: 30,
    Tier.INTEGRATION: 600,
    Tier.BACKGROUND: 900,
    Tier.JOBRUNNER: 30,
    Tier.SCHEDULED: 900,
    Tier.BATCH: 7200,
}
"""`limit_time_real`: the longest request, job or scheduled action; it also sets how long a pod takes to end. Odoo's
120 s for customers and tills, more for staff's reports, partners' bulk calls (facts, Odoo §1) and queued jobs."""

MEMORY_SOFT, MEMORY_HARD = 2048 * 1024 * 1024, 2560 * 1024 * 1024
"""`limit_memory_*` are virtual memory in bytes, not RSS: Odoo's own defaults, four times a worker's 600 MiB of RSS.
What holds a pod to its memory is the container's limit (facts, Odoo §1 and §2)."""

BATCH_CHANNEL = "root.batch"


Option = str | int | bool | pulumi.Input[str]


def odoo_conf(
    plan: Plan,
    tier: Tier,
    *,
    database: str,
    host: pulumi.Input[str],
    filestore: Filestore,
    standby_host: pulumi.Input[str] | None = None,
) -> pulumi.Output[str]:
    """odoo.conf of a tier, as a template of External Secrets over the keys of `conf_secrets`.

    standby_host: where `registry.cursor(readonly=True)` reads; the primary where it is None.
    """
    seconds = LONGEST_SECONDS[tier]
    profile = PROFILES[tier]
    options = {
        **_database(database, host, profile.db_maxconn),
        **_server(plan),
        "proxy_mode": True,
        "http_interface": "0.0.0.0",  # noqa: S104 - in a pod; a default of 127.0.0.1 would fail every probe
        "db_maxconn_gevent": profile.db_maxconn,
        "limit_memory_soft": MEMORY_SOFT,
        "limit_memory_hard": MEMORY_HARD,
        "limit_request": 8192,
        # Jobs and partner calls are bounded by time on the wall; requests of people burn half of it as CPU at most.
        "limit_time_cpu": seconds if seconds >= LONGEST_SECONDS[Tier.INTEGRATION] else seconds // 2,
        "limit_time_real": seconds,
    }
    if standby_host is not None:
        options["db_replica_host"] = standby_host
    if tier is Tier.SCHEDULED:
        options["limit_time_real_cron"] = seconds
        # A cron worker LISTENs for ever; an hour's life gives its connections back after a failover.
        options["limit_time_worker_cron"] = 3600
    if tier not in FILESTORE_TIERS:
        return _render(options)
    return _render({**options, **_mail(plan)}, filestore)


def release_conf(
    plan: Plan, *, database: str, host: pulumi.Input[str], filestore: Filestore, connections: int
) -> pulumi.Output[str]:
    """odoo.conf of a release (components/odoo_release.py): one process for hours, which serves and mails nobody.

    Without limits on virtual memory, for an upgrade may need more than any request; the container's limit holds it.
    """
    options = {
        **_database(database, host, connections),
        **_server(plan),
        "limit_memory_soft": 0,
        "limit_memory_hard": 0,
    }
    return _render(options, filestore)


def conf_secrets(identity: Identity, *, mail: bool) -> list[tuple[str, str, str]]:
    """What the template takes from Secrets Manager: (key, name of the secret, property of its JSON value)."""
    return [
        ("admin_passwd", identity.secret_path(ODOO_ADMIN), "admin_passwd"),
        ("username", identity.secret_path(DATABASE_APP), "username"),
        ("password", identity.secret_path(DATABASE_APP), "password"),
        *([("smtp_password", identity.secret_path(SMTP), "password")] if mail else []),
    ]


def sends_mail(plan: Plan, tier: Tier) -> bool:
    return bool(plan.settings.smtp_host) and tier in FILESTORE_TIERS


def _database(database: str, host: pulumi.Input[str], connections: int) -> dict[str, Option]:
    return {
        "db_host": host,
        "db_port": 5432,
        "db_user": "{{ .username }}",
        "db_password": "{{ .password }}",
        "db_sslmode": "require",
        "db_name": database,
        "dbfilter": f"^{database}$",
        "db_maxconn": connections,
    }


def _server(plan: Plan) -> dict[str, Option]:
    return {
        "admin_passwd": "{{ .admin_passwd }}",
        "list_db": False,
        "addons_path": ADDONS_DIR,  # Odoo's own are found beside its code
        "server_wide_modules": ",".join(_server_wide_modules(plan)),
        "data_dir": DATA_DIR,
    }


def _mail(plan: Plan) -> dict[str, Option]:
    settings = plan.settings
    if not settings.smtp_host:
        return {}
    return {
        "smtp_server": settings.smtp_host,
        "smtp_port": settings.smtp_port,
        "smtp_ssl": True,  # STARTTLS, in both series
        "smtp_user": settings.smtp_user,
        "smtp_password": "{{ .smtp_password }}",
    }


def _render(options: Mapping[str, Option], filestore: Filestore | None = None) -> pulumi.Output[str]:
    """The text of odoo.conf. The section is read by fs_storage_environment, for the record of that code."""
    known = pulumi.Output.all(**options)
    if filestore is None:
        return known.apply(lambda values: _section("options", values))
    bucket = pulumi.Output.from_input(filestore.bucket)
    storage = pulumi.Output.all(protocol="s3", directory_path=pulumi.Output.concat(bucket, "/", filestore.prefix))
    return pulumi.Output.concat(
        known.apply(lambda values: _section("options", values)),
        "\n",
        storage.apply(lambda values: _section(f"fs_storage.{FILESTORE_CODE}", values)),
    )


def _section(name: str, options: Mapping[str, Any]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in options.items())]) + "\n"


def _server_wide_modules(plan: Plan) -> list[str]:
    """19 moved RPC out of `base` into a server-wide module of its own; without it /xmlrpc and /jsonrpc are gone."""
    rpc = ["rpc"] if plan.settings.odoo_version == "19" else []
    return ["base", *rpc, "web", "session_redis", "session_redis_devices", "queue_job"]


def queue_capacity(background: TierPlan) -> int:
    """Jobs that may run at the same time: every worker of the tier at its ceiling.

    What waits in a busy pod's backlog before the tier has grown is sent again after ten seconds, and no retry is
    counted (queue_job, `_query_requeue_dead_jobs`).
    """
    return background.ceiling * background.profile.processes


def queue_channels(plan: Plan) -> str:
    """Channels of the one runner. The batch channel gets a quarter, and in season peak one job at a time."""
    capacity = queue_capacity(plan.tiers[Tier.BACKGROUND])
    batch = 1 if plan.settings.season == "peak" else max(1, math.floor(capacity / 4))
    return f"root:{capacity},{BATCH_CHANNEL}:{batch}"


def process_environment(plan: Plan) -> dict[str, pulumi.Input[str]]:
    """What every process with Odoo's code in it is told, servers and one-off runs."""
    return {
        "ODOO_RC": f"{CONF_DIR}/{CONF_FILE}",
        "HOME": DATA_DIR,
        "PYTHONDONTWRITEBYTECODE": "1",
        # Odoo limits malloc's arenas in threaded mode only; prefork and gevent need it told (facts, Odoo §2).
        "MALLOC_ARENA_MAX": "2",
        "RUNNING_ENV": str(plan.settings.environment),
        # The runner is a server-wide module: unless a process is told "no channel", it would lead there as well.
        "ODOO_QUEUE_JOB_CHANNELS": "root:0",
    }


def environment(plan: Plan, tier: Tier, *, session_prefix: str, direct_host: pulumi.Input[str]) -> list[dict[str, Any]]:
    """Environment of a tier's Odoo container. Sessions are in Redis for every tier that answers people."""
    variables = process_environment(plan)
    if tier is Tier.JOBRUNNER:
        variables |= {
            "ODOO_QUEUE_JOB_CHANNELS": queue_channels(plan),
            "ODOO_QUEUE_JOB_SCHEME": "http",
            "ODOO_QUEUE_JOB_HOST": QUEUE_HOST,
            "ODOO_QUEUE_JOB_PORT": str(HTTP_PORT),
            "ODOO_QUEUE_JOB_JOBRUNNER_DB_HOST": direct_host,
            "ODOO_QUEUE_JOB_JOBRUNNER_DB_PORT": "5432",
        }
    return [*literals(variables), *session_environment(session_prefix)]


def literals(variables: Mapping[str, pulumi.Input[str]]) -> list[dict[str, Any]]:
    """`env` of a container."""
    return [{"name": key, "value": value} for key, value in variables.items()]
