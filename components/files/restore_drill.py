"""Restore drill: bring a scratch PostgreSQL cluster up from the archive, report how long it took, remove it.

Runs as a Kubernetes job in the retailer's Odoo image, with the standard library alone. It proves that the newest base
backup and the WAL after it give a cluster that accepts connections, within the time allowed. It does not look into the
data. Exit status: 0 restored, 1 not.

Environment: DRILL_MANIFEST (file, the Cluster as JSON), DRILL_TIMEOUT_SECONDS. The report is one line of JSON on
standard output, and the container's termination message, which stays readable in the pod's status.
"""

import json
import os
import signal
import ssl
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TERMINATION_LOG = Path("/dev/termination-log")
POLL_SECONDS = 10
DELETION_TIMEOUT_SECONDS = 300


class Clusters:
    """CloudNativePG Clusters of one namespace, through the API server of the cluster that the pod runs in."""

    def __init__(self, namespace: str) -> None:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        host = f"[{host}]" if ":" in host else host
        self._url = f"https://{host}:{port}/apis/postgresql.cnpg.io/v1/namespaces/{namespace}/clusters"
        self._tls = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))

    def create(self, manifest: dict[str, Any]) -> None:
        self._call("POST", self._url, manifest)

    def get(self, name: str) -> dict[str, Any] | None:
        return self._call("GET", f"{self._url}/{name}")

    def delete(self, name: str) -> None:
        self._call("DELETE", f"{self._url}/{name}")

    def _call(self, method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer, or None for what isn't there. The token is read each time: the kubelet renews it.

        Raises OSError for what may pass, RuntimeError for a refusal.
        """
        request = urllib.request.Request(  # noqa: S310 - https, to the API server
            url,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={
                "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=30) as answer:  # noqa: S310
                parsed: dict[str, Any] = json.load(answer)
                return parsed
        except urllib.error.HTTPError as error:
            if error.code == 404 and method != "POST":
                return None
            failure = ConnectionError if error.code == 429 or error.code >= 500 else RuntimeError
            raise failure(f"{method} {url}: {error.code} {error.reason}") from None


def ready(cluster: dict[str, Any]) -> bool:
    conditions = cluster.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def remove(clusters: Clusters, name: str) -> None:
    """Delete the cluster and wait until it is gone. Raises TimeoutError."""
    clusters.delete(name)
    deadline = time.monotonic() + DELETION_TIMEOUT_SECONDS
    while clusters.get(name) is not None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} is still there {DELETION_TIMEOUT_SECONDS} s after its deletion")
        time.sleep(POLL_SECONDS)


def drill(clusters: Clusters, manifest: dict[str, Any], timeout_seconds: float) -> float:
    """Seconds from the request to a cluster that is ready. Raises TimeoutError. Always removes what it created."""
    name = manifest["metadata"]["name"]
    remove(clusters, name)  # what a drill that was killed has left
    started = time.monotonic()
    try:
        clusters.create(manifest)
        while True:
            try:
                cluster = clusters.get(name) or {}
            except OSError:
                cluster = {}  # EKS replaces its API servers now and then; the deadline stands
            elapsed = time.monotonic() - started
            if ready(cluster):
                return elapsed
            if elapsed > timeout_seconds:
                phase = cluster.get("status", {}).get("phase", "unknown")
                raise TimeoutError(f"not ready within {timeout_seconds:.0f} s; phase: {phase}")
            time.sleep(POLL_SECONDS)
    finally:
        remove(clusters, name)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that the scratch cluster is removed
    manifest = json.loads(Path(os.environ["DRILL_MANIFEST"]).read_text())
    timeout_seconds = float(os.environ["DRILL_TIMEOUT_SECONDS"])
    report: dict[str, Any] = {
        "drill": "database-restore",
        "source": manifest["spec"]["externalClusters"][0]["plugin"]["parameters"]["serverName"],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "allowed_seconds": timeout_seconds,
    }
    try:
        seconds = drill(Clusters(manifest["metadata"]["namespace"]), manifest, timeout_seconds)
        report |= {"restored": True, "seconds": round(seconds, 1)}
    except (RuntimeError, OSError) as error:
        report |= {"restored": False, "error": str(error)}
    text = json.dumps(report)
    print(text, flush=True)
    TERMINATION_LOG.write_text(text)
    return 0 if report["restored"] else 1


if __name__ == "__main__":
    sys.exit(main())
