"""The little that a drill asks of the Kubernetes API, with the standard library alone."""

import base64
import json
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class KubernetesApi:
    """CloudNativePG Clusters and Secrets of one namespace, through the API server of the cluster the pod runs in."""

    def __init__(self, namespace: str) -> None:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        host = f"[{host}]" if ":" in host else host
        self._clusters = f"https://{host}:{port}/apis/postgresql.cnpg.io/v1/namespaces/{namespace}/clusters"
        self._secrets = f"https://{host}:{port}/api/v1/namespaces/{namespace}/secrets"
        self._tls = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))

    def create_cluster(self, manifest: dict[str, Any]) -> None:
        self._call("POST", self._clusters, manifest)

    def cluster(self, name: str) -> dict[str, Any] | None:
        return self._call("GET", f"{self._clusters}/{name}")

    def delete_cluster(self, name: str) -> None:
        self._call("DELETE", f"{self._clusters}/{name}")

    def secret(self, name: str) -> dict[str, str] | None:
        """The decoded values of a Secret; never to be printed."""
        found = self._call("GET", f"{self._secrets}/{name}")
        if found is None:
            return None
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}

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
