"""The security settings that Pod Security's `restricted` level asks of every pod, and a read-only root on top."""

from typing import Any


def container_security() -> dict[str, Any]:
    """`securityContext` of every container. What must be written to is mounted as an emptyDir."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def pod_security(*, user: int, group: int) -> dict[str, Any]:
    """`securityContext` of a pod that runs as that numeric user and group; `fsGroup` lets it read mounted Secrets."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
