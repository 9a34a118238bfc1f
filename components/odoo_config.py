"""The configuration of an Odoo tier: odoo.conf (a Secret, for it holds passwords), time limits and environment.

What only the file can say stands in the file (`admin_passwd`, database credentials, `list_db`); processes are command
line flags (components/odoo_pod.py), session and queue settings environment, as their modules want it.
"""

import math
from typing import Any

import pulumi

from components.tier_role import Filestore
from retail.plan import Plan, TierPlan
from retail.tiers import PROFILES, Tier

CONF_DIR = "/etc/odoo"
CONF_FILE = "odoo.conf"
DATA_DIR = "/var/lib/odoo"
HTTP_PORT, WEBSOCKET_PORT = 8069, 8072
QUEUE_HOST = str(Tier.BACKGROUND)

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
"""Tiers that run business code: they read and write attachments, and may call partners. The websocket and runner
processes do neither, so they get no AWS role and no way out."""

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


def odoo_conf(
    plan: Plan, tier: Tier, *, database: str, host: pulumi.Input[str], filestore: Filestore
) -> pulumi.Output[str]:
    """odoo.conf of a tier, as a template of External Secrets: `{{ .key }}` for each of CONF_SECRETS."""
    return pulumi.Output.all(host=host, bucket=filestore.bucket).apply(
        lambda known: _render(plan, tier, database, known["host"], f"{known['bucket']}/{filestore.prefix}")
    )


CONF_SECRETS = ("admin_passwd", "username", "password")
"""Keys that odoo.conf takes from Secrets Manager: the database manager's password and the database role's."""


def _render(plan: Plan, tier: Tier, database: str, host: str, directory: str) -> str:
    profile = PROFILES[tier]
    seconds = LONGEST_SECONDS[tier]
    options: dict[str, Any] = {
        "admin_passwd": "{{ .admin_passwd }}",
        "db_host": host,
        "db_port": 5432,
        "db_user": "{{ .username }}",
        "db_password": "{{ .password }}",
        "db_sslmode": "require",
        "db_name": database,
        "dbfilter": f"^{database}$",
        "list_db": False,
        "db_maxconn": profile.db_maxconn,
        "db_maxconn_gevent": profile.db_maxconn,
        "proxy_mode": True,
        "http_interface": "0.0.0.0",  # noqa: S104 - in a pod; a default of 127.0.0.1 would fail every probe
        "server_wide_modules": ",".join(_server_wide_modules(plan)),
        "data_dir": DATA_DIR,
        "limit_memory_soft": MEMORY_SOFT,
        "limit_memory_hard": MEMORY_HARD,
        "limit_request": 8192,
        # Jobs and partner calls are bounded by time on the wall; requests of people burn half of it as CPU at most.
        "limit_time_cpu": seconds if seconds >= LONGEST_SECONDS[Tier.INTEGRATION] else seconds // 2,
        "limit_time_real": seconds,
    }
    if tier is Tier.SCHEDULED:
        options["limit_time_real_cron"] = seconds
        # A cron worker LISTENs for ever; an hour's life gives its connections back after a failover.
        options["limit_time_worker_cron"] = 3600
    lines = ["[options]", *(f"{key} = {value}" for key, value in options.items())]
    if tier in FILESTORE_TIERS:
        lines += [
            "",
            f"[fs_storage.{FILESTORE_CODE}]",
            "protocol = s3",
            f"directory_path = {directory}",
            "use_as_default_for_attachments = True",
        ]
    return "\n".join(lines) + "\n"


def _server_wide_modules(plan: Plan) -> list[str]:
    """19 moved RPC out of `base` into a server-wide module of its own; without it /xmlrpc and /jsonrpc are gone."""
    rpc = ["rpc"] if plan.settings.odoo_version == "19" else []
    return ["base", *rpc, "web", "session_redis", "queue_job"]


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


def environment(plan: Plan, tier: Tier, *, session_prefix: str, direct_host: pulumi.Input[str]) -> list[dict[str, Any]]:
    """Environment of a tier's Odoo container. Sessions are in Redis for every tier that answers people."""
    variables: dict[str, pulumi.Input[str]] = {
        "ODOO_RC": f"{CONF_DIR}/{CONF_FILE}",
        "HOME": DATA_DIR,
        "PYTHONDONTWRITEBYTECODE": "1",
        # Odoo limits malloc's arenas in threaded mode only; prefork and gevent need it told (facts, Odoo §2).
        "MALLOC_ARENA_MAX": "2",
        "RUNNING_ENV": str(plan.settings.environment),
        "ODOO_SESSION_REDIS": "1",
        "ODOO_SESSION_REDIS_PREFIX": session_prefix,
        # The runner is a server-wide module: unless a tier says "no channel", it would lead there as well.
        "ODOO_QUEUE_JOB_CHANNELS": queue_channels(plan) if tier is Tier.JOBRUNNER else "root:0",
    }
    if tier is Tier.JOBRUNNER:
        variables |= {
            "ODOO_QUEUE_JOB_SCHEME": "http",
            "ODOO_QUEUE_JOB_HOST": QUEUE_HOST,
            "ODOO_QUEUE_JOB_PORT": str(HTTP_PORT),
            "ODOO_QUEUE_JOB_JOBRUNNER_DB_HOST": direct_host,
            "ODOO_QUEUE_JOB_JOBRUNNER_DB_PORT": "5432",
        }
    url = {"name": "ODOO_SESSION_REDIS_URL", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "url"}}}
    return [*({"name": key, "value": value} for key, value in variables.items()), url]
