"""What a release asks of the cluster before it touches the database: a checkpoint, and quiet.

`checkpoint CLUSTER PLUGIN`: a base backup by CloudNativePG, which this waits for, so that the release can be undone.
`quiesce [paused]`: the Deployments that act by themselves are scaled to none, and this waits until their pods are gone.
Whoever rolls them out afterwards brings their replicas back. `paused`: KEDA owns them, and is paused first; whoever
rolls them out unpauses it.

Neither happens in a first deployment, nor where the Deployments run this release's image already: then the database
has been upgraded by it, and nobody would bring back what was stopped.

Environment: RELEASE_IMAGE, RELEASE_QUIESCED (Deployments, comma-separated), HOSTNAME. Standard library only. The Job's
deadline is the only one: a base backup takes hours where the database is large.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
POLL_SECONDS = 5.0
FINISHED, FAILED = "completed", "failed"


class Api:
    """One namespace, through the API server of the cluster that the pod runs in."""

    def __init__(self, server: str, account: Path = ACCOUNT) -> None:
        self._server, self._account = server, account
        self.namespace = (account / "namespace").read_text()
        tls = server.startswith("https:")
        self._tls = ssl.create_default_context(cafile=str(account / "ca.crt")) if tls else None

    @classmethod
    def of_pod(cls) -> "Api":
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        return cls(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")

    def get(self, group: str, what: str) -> dict[str, Any] | None:
        """`what` is a path below the namespace; None where it isn't there."""
        try:
            return self._call("GET", group, what)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def create(self, group: str, what: str, manifest: dict[str, Any]) -> None:
        self._call("POST", group, what, manifest)

    def patch(self, group: str, what: str, change: dict[str, Any]) -> None:
        self._call("PATCH", group, what, change)

    def _call(self, method: str, group: str, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The token is read each time: the kubelet renews it."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(  # noqa: S310 - the API server
            f"{self._server}/{group}/namespaces/{self.namespace}/{what}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {(self._account / 'token').read_text()}", "Content-Type": kind},
        )
        with urllib.request.urlopen(request, context=self._tls, timeout=30) as answer:  # noqa: S310 - as above
            parsed: dict[str, Any] = json.load(answer)
            return parsed


def outdated(api: Api, names: list[str], image: str) -> list[str]:
    """Those of the Deployments that exist and run another image."""
    found = {name: api.get("apis/apps/v1", f"deployments/{name}") for name in names}
    images = {
        name: {container["image"] for container in item["spec"]["template"]["spec"]["containers"]}
        for name, item in found.items()
        if item is not None
    }
    return [name for name, used in images.items() if used != {image}]


def checkpoint(api: Api, cluster: str, plugin: str, name: str) -> None:
    """Take a base backup of the cluster and wait for it. Raises RuntimeError where it failed."""
    manifest = {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Backup",
        "metadata": {"name": name, "namespace": api.namespace},
        "spec": {
            "cluster": {"name": cluster},
            "method": "plugin",
            "pluginConfiguration": {"name": plugin},
            "target": "prefer-standby",
        },
    }
    api.create("apis/postgresql.cnpg.io/v1", "backups", manifest)
    while True:
        status = (_patient(api, "apis/postgresql.cnpg.io/v1", f"backups/{name}") or {}).get("status", {})
        if status.get("phase") == FINISHED:
            return
        if status.get("phase") == FAILED:
            raise RuntimeError(f"checkpoint {name} failed: {status.get('error', 'no reason given')}")
        time.sleep(POLL_SECONDS)


def pause(api: Api, names: list[str]) -> None:
    """Keep KEDA's hands off the Deployments. One that it doesn't own yet needs nothing."""
    for name in names:
        where = f"scaledobjects/{name}"
        if api.get("apis/keda.sh/v1alpha1", where) is not None:
            change = {"metadata": {"annotations": {"autoscaling.keda.sh/paused": "true"}}}
            api.patch("apis/keda.sh/v1alpha1", where, change)


def quiesce(api: Api, names: list[str]) -> None:
    """Scale the Deployments to none, and wait until no pod of theirs is left, finishing ones included."""
    for name in names:
        api.patch("apis/apps/v1", f"deployments/{name}/scale", {"spec": {"replicas": 0}})
    selector = urllib.parse.quote(f"retail/tier in ({','.join(names)})")
    while True:
        pods = _patient(api, "api/v1", f"pods?labelSelector={selector}")
        if pods is not None and not pods["items"]:
            return
        time.sleep(POLL_SECONDS)


def _patient(api: Api, group: str, what: str) -> dict[str, Any] | None:
    """What is there; None while the API server is away, as EKS replaces its own now and then."""
    try:
        return api.get(group, what)
    except urllib.error.HTTPError as error:
        if error.code != 429 and error.code < 500:
            raise
    except OSError:
        pass
    return None


def main(step: str, *arguments: str) -> None:
    api = Api.of_pod()
    names = outdated(api, os.environ["RELEASE_QUIESCED"].split(","), os.environ["RELEASE_IMAGE"])
    if not names:
        print(f"{step}: nothing runs another image than this release's", flush=True)
    elif step == "checkpoint":
        cluster, plugin = arguments
        checkpoint(api, cluster, plugin, os.environ["HOSTNAME"])
    else:
        if "paused" in arguments:
            pause(api, names)
        quiesce(api, names)
    print(f"{step}: done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
