"""The pod of an Odoo tier: its processes, probes, limits, mounts and place. Plain data; nothing is registered here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.odoo_config import (
    CONF_DIR,
    DATA_DIR,
    FILESTORE_TIERS,
    HTTP_PORT,
    LONGEST_SECONDS,
    WEBSOCKET_PORT,
    environment,
)
from components.placement import Placement, zone_spread
from components.pod_security import container_security, pod_security
from retail.naming import Identity, selector
from retail.plan import Plan, TierPlan
from retail.tiers import Tier

USER, GROUP = 100, 101
"""Odoo's user in the official images of 18 and 19 (facts, Odoo §7)."""

PRE_STOP_SECONDS = 10
"""Between leaving the Service's endpoints and SIGTERM: Traefik and kube-proxy hear of it meanwhile."""

FORCE_SECONDS = 15
"""After the longest request: Odoo kills what is left and ends (facts, Odoo §7)."""

EXPORT_TIERS = (Tier.BACKOFFICE, Tier.BATCH)
"""Tiers that make reports and exports to be fetched outside of Odoo: staff by hand, and by night."""

METRICS_PORT = 9101
EXPORTER_CPU_MILLIS, EXPORTER_MEMORY_MIB = 10, 64

SCRIPTS = Path(__file__).parent / "pod_scripts"

TMP_DIR = "/tmp"  # noqa: S108 - the mount point of the pod's own emptyDir


@dataclass(frozen=True, kw_only=True)
class OdooPodArgs:
    """What every tier's pod has in common."""

    identity: Identity
    plan: Plan
    placement_owner: str
    direct_host: pulumi.Input[str]


def script(name: str) -> str:
    """The text of a Python file that runs inside the pods."""
    return (SCRIPTS / f"{name}.py").read_text()


def http_port(tier: Tier) -> int | None:
    """The port that a tier serves HTTP on; None for those that serve nobody."""
    if tier is Tier.WEBSOCKET:
        return WEBSOCKET_PORT
    return None if tier in (Tier.JOBRUNNER, Tier.SCHEDULED, Tier.BATCH) else HTTP_PORT


def port_name(tier: Tier) -> str:
    return "websocket" if tier is Tier.WEBSOCKET else "http"


def command(tier: Tier, processes: int) -> list[str]:
    """The process of a tier. PID 1 is tini throughout.

    As PID 1 a gevent server never sees SIGTERM, for the kernel drops signals without a handler there (facts, Odoo §7);
    and the official entrypoint is left out because it puts database options on the command line.
    `--workers=-1` is prefork without HTTP workers: threaded mode would lose its cron thread when a connection drops.
    """
    prefork = ["odoo", "--workers=-1", "--no-http"]
    by_tier = {
        Tier.WEBSOCKET: ["odoo", "gevent"],
        Tier.SCHEDULED: [*prefork, f"--max-cron-threads={processes}"],
        Tier.JOBRUNNER: [*prefork, "--max-cron-threads=0"],
    }
    return by_tier.get(tier, ["odoo", f"--workers={processes}", "--max-cron-threads=0"])


def probes(tier: Tier) -> dict[str, Any]:
    """Startup, readiness and liveness.

    A prefork server listens before it has loaded its modules, so only HTTP tells that it is ready. Liveness must not
    use HTTP: /web/health waits for a free worker, and a pod that is merely busy would be restarted, which takes
    capacity away when it is short (facts, Odoo §7).
    """
    port = http_port(tier)
    if port is None:
        alive = {"exec": {"command": ["python3", "-c", script("liveness"), str(tier)]}, "timeoutSeconds": 15}
        return {"livenessProbe": {**alive, "initialDelaySeconds": 300, "periodSeconds": 60, "failureThreshold": 5}}
    health = {"httpGet": {"path": "/web/health", "port": port_name(tier)}, "timeoutSeconds": 5}
    return {
        "startupProbe": {**health, "periodSeconds": 10, "failureThreshold": 30},
        "readinessProbe": {**health, "periodSeconds": 10, "failureThreshold": 3},
        "livenessProbe": {"tcpSocket": {"port": port_name(tier)}, "periodSeconds": 15, "failureThreshold": 8},
    }


def pod_labels(identity: Identity, tier: TierPlan) -> dict[str, str]:
    return identity.tier_labels(str(tier.tier), str(tier.profile.workload_class))


def odoo_container(args: OdooPodArgs, tier: TierPlan) -> dict[str, Any]:
    """The container that has Odoo in it, without what differs between a server and a one-off run."""
    return {
        "name": "odoo",
        "image": args.plan.settings.image,
        "env": [
            *environment(args.plan, tier.tier, session_prefix=args.identity.namespace, direct_host=args.direct_host),
            *_exports(args.identity, tier.tier),
        ],
        "resources": {
            "requests": {"cpu": f"{tier.cpu_request_millis}m", "memory": f"{tier.memory_request_mib}Mi"},
            "limits": {"memory": f"{tier.memory_limit_mib}Mi"},
        },
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "conf", "mountPath": CONF_DIR, "readOnly": True},
            {"name": "data", "mountPath": DATA_DIR},
            {"name": "tmp", "mountPath": TMP_DIR},
        ],
    }


def _exports(identity: Identity, tier: Tier) -> list[dict[str, Any]]:
    if tier not in EXPORT_TIERS:
        return []
    return [{"name": "EXPORTS_URL", "value": f"s3://{identity.bucket('exports')}/{identity.namespace}"}]


def server_template(args: OdooPodArgs, tier: TierPlan) -> dict[str, Any]:
    """The pod template of a tier that serves for ever."""
    labels = pod_labels(args.identity, tier)
    port = http_port(tier.tier)
    server = {
        **odoo_container(args, tier),
        "command": ["tini", "--"],
        "args": command(tier.tier, tier.profile.processes),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        **probes(tier.tier),
    }
    if port is not None:
        server["ports"] = [{"name": port_name(tier.tier), "containerPort": port}]
    containers = [server]
    if tier.tier is Tier.WEBSOCKET:
        containers.append(_connection_exporter(args))
    return {
        "metadata": {"labels": labels},
        "spec": {
            **pod_spec(args, tier, containers),
            "topologySpreadConstraints": zone_spread(
                selector(labels), fixed=None if tier.profile.scaled else tier.floor
            ),
            "terminationGracePeriodSeconds": LONGEST_SECONDS[tier.tier] + PRE_STOP_SECONDS + FORCE_SECONDS,
        },
    }


def pod_spec(
    args: OdooPodArgs,
    tier: TierPlan,
    containers: Sequence[Mapping[str, Any]],
    volumes: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What servers and one-off runs have in common."""
    return {
        "serviceAccountName": str(tier.tier),
        "automountServiceAccountToken": False,
        # A Service named `db` would otherwise reach Odoo as DB_PORT_5432_TCP_ADDR (facts, Odoo §1).
        "enableServiceLinks": False,
        "priorityClassName": str(tier.profile.workload_class),
        "securityContext": pod_security(user=USER, group=GROUP),
        "containers": list(containers),
        "volumes": [
            {"name": "conf", "secret": {"secretName": f"odoo-{tier.tier}", "defaultMode": 0o440}},
            # Attachments are in S3 and sessions in Redis: what is left is scratch space.
            {"name": "data", "emptyDir": {"sizeLimit": "2Gi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
            *volumes,
        ],
        **Placement(tier.profile.pool, args.placement_owner).pod_fields(),
    }


def has_filestore(tier: Tier) -> bool:
    """Whether a tier has an AWS role, for the attachments."""
    return tier in FILESTORE_TIERS


def _connection_exporter(args: OdooPodArgs) -> dict[str, Any]:
    """Odoo exports no count of its websocket clients; this sidecar does, in the image that is there anyway."""
    return {
        "name": "connection-exporter",
        "image": args.plan.settings.image,
        "command": ["python3", "-c", script("connection_exporter")],
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT}],
        "resources": {
            "requests": {"cpu": f"{EXPORTER_CPU_MILLIS}m", "memory": f"{EXPORTER_MEMORY_MIB}Mi"},
            "limits": {"memory": f"{EXPORTER_MEMORY_MIB}Mi"},
        },
        "securityContext": container_security(),
    }
