"""From a kubeconfig file to an HTTP client of its API server.

lightkube reads the file and knows its ways to authenticate (certificates, tokens, exec plugins such as
`aws eks get-token`); what it leaves to tracebacks becomes one message here.
"""

import ipaddress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import yaml
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from rehearsal.errors import RehearsalError

_EXEC_V1 = "client.authentication.k8s.io/v1"


def connect(kubeconfig: Path, context: str | None, error: type[RehearsalError]) -> httpx.Client:
    """An HTTP client whose base URL, certificates and authentication are those of `kubeconfig`.

    Nothing is sent yet. What is wrong with the file is raised as `error`, naming the file.
    """
    config = _load(kubeconfig, context, error)
    # Proxies of the environment are for clusters far away: the embedded one listens on the loopback.
    parameters = client_adapter.ConnectionParams(
        timeout=httpx.Timeout(60, connect=5), trust_env=not _is_loopback(config.cluster.server)
    )
    try:
        return client_adapter.Client(config, parameters)
    except (ConfigError, OSError, ValueError) as problem:
        raise error(f"kubeconfig {kubeconfig}: its certificates or credentials can't be used: {problem}") from problem


def _load(kubeconfig: Path, context: str | None, error: type[RehearsalError]) -> SingleConfig:
    try:
        content = yaml.safe_load(kubeconfig.read_text())
    except OSError as problem:
        raise error(f"kubeconfig {kubeconfig}: can't be read ({problem.strerror})") from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        # Without the parser's own words: they quote the line, which may hold a key.
        raise error(f"kubeconfig {kubeconfig}: is not YAML") from problem
    if not isinstance(content, dict):
        raise error(f"kubeconfig {kubeconfig}: is not a kubeconfig (clusters, contexts, users, current-context)")
    try:
        _accept_exec_v1(content)
        config = KubeConfig.from_dict(content, fname=kubeconfig).get(context)
    except ConfigError as problem:
        raise error(f"kubeconfig {kubeconfig}: {problem}") from problem
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise error(f"kubeconfig {kubeconfig}: is incomplete or malformed near {problem}") from problem
    if config is None:
        raise error(f"kubeconfig {kubeconfig}: has no current context")
    return config if config.user else config._replace(user=User())


def _accept_exec_v1(content: dict[str, Any]) -> None:
    """lightkube refuses exec plugins of v1, whose answer has the same `status.token` as v1beta1's."""
    for entry in content.get("users") or []:
        plugin = (entry.get("user") or {}).get("exec")
        if plugin and plugin.get("apiVersion") == _EXEC_V1:
            plugin["apiVersion"] = _EXEC_V1 + "beta1"


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
