"""A Kubernetes Secret that External Secrets Operator copies out of AWS Secrets Manager and keeps up to date."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

API_VERSION = "external-secrets.io/v1"
STORE = "aws"
"""The SecretStore of every namespace that holds secrets (components/secret_store.py)."""

ROLE_SUFFIX = "external-secrets"
"""What the names of the stores' AWS roles end in: the operator may take on no others."""

REFRESH_INTERVAL = "15m"
"""How old a Secret may be. A rotation doesn't wait for it (components/pod_scripts/rotate.py); what is changed by hand
in Secrets Manager reaches the pods within it."""


def external_secret(
    name: str,
    namespace: pulumi.Input[str],
    *,
    labels: Mapping[str, str],
    data: Sequence[tuple[str, str, str]],
    opts: pulumi.ResourceOptions,
    template: Mapping[str, pulumi.Input[str]] | None = None,
    secret_type: str | None = None,
    store: str = STORE,
) -> CustomResource:
    """The ExternalSecret `name`, and through it the Secret of the same name.

    data: (key, name of the secret in Secrets Manager, property of its JSON value).
    template: key of the Secret -> Go template over the keys of `data` (`{{ .password }}`). With a template the Secret
    holds the template's keys only; without one it holds those of `data`.
    secret_type: such as `kubernetes.io/basic-auth`; Opaque where left out. labels: of both objects. store: the name of
    a SecretStore of that namespace.

    Example:
        external_secret(
            "database-app", identity.namespace, labels=identity.labels("database"),
            data=[("password", identity.secret_path("database-app"), "password")], opts=child,
        )
    """
    target: dict[str, Any] = {
        "name": name,
        "creationPolicy": "Owner",
        "deletionPolicy": "Retain",
        "template": {
            "engineVersion": "v2",
            "mergePolicy": "Replace",
            "type": secret_type or "Opaque",
            "metadata": {"labels": dict(labels)},
        },
    }
    if template is not None:
        target["template"]["data"] = dict(template)
    return CustomResource(
        name,
        api_version=API_VERSION,
        kind="ExternalSecret",
        metadata={"name": name, "namespace": namespace, "labels": dict(labels)},
        spec={
            "refreshInterval": REFRESH_INTERVAL,
            "secretStoreRef": {"kind": "SecretStore", "name": store},
            "target": target,
            "data": [{"secretKey": key, "remoteRef": {"key": remote, "property": part}} for key, remote, part in data],
        },
        opts=opts,
    )
