"""Kubeconfigs that stand alone: address, authority and client certificate in one file."""

import base64
from pathlib import Path

import yaml

from rehearsal.controlplane.pki import Pki


def kubeconfig(pki: Pki, plane: str, url: str, client: str) -> bytes:
    """The kubeconfig of `client` (one of pki.CLIENTS) for the API server at `url`; the context is the plane's name."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": plane, "cluster": {"server": url, "certificate-authority-data": _base64(pki.certificate("ca"))}}
        ],
        "users": [
            {
                "name": client,
                "user": {
                    "client-certificate-data": _base64(pki.certificate(client)),
                    "client-key-data": _base64(pki.key(client)),
                },
            }
        ],
        "contexts": [{"name": plane, "context": {"cluster": plane, "user": client}}],
        "current-context": plane,
    }
    return yaml.safe_dump(config, sort_keys=False).encode()


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
