"""Requests to one API server: sent again where that may help, and every failure put into one message."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx
from lightkube.core.exceptions import ConfigError

from rehearsal.cluster import connection
from rehearsal.errors import RehearsalError

Object = dict[str, Any]
# 500 is what a quota's admission says on a busy machine: "resource quota evaluation timed out".
RETRIED_STATUS: Final = frozenset({429, 500, 502, 503, 504})
_ATTEMPTS: Final = 8  # 0.1 s, doubled up to 2 s: about 7 s in all

for _noisy in ("httpx2", "httpcore2"):  # they log every request at INFO
    logging.getLogger(_noisy).setLevel(logging.WARNING)


class ApiError(RehearsalError):
    """The API server refused a request: `status` is HTTP's, `reason` Kubernetes' ("Invalid", "NotFound", ...)."""

    def __init__(self, what: str, status: int, reason: str, message: str) -> None:
        super().__init__(f"{what}: {message}")
        self.what = what
        self.status = status
        self.reason = reason
        self.message = message


class Transport:
    """The HTTP side of a client, for many threads. A cluster out of reach is an `error` that names the kubeconfig."""

    def __init__(self, kubeconfig: Path, context: str | None, error: type[RehearsalError]) -> None:
        self._where = str(kubeconfig)
        self._error = error
        self._http = connection.connect(kubeconfig, context, error)

    @property
    def server(self) -> str:
        return str(self._http.base_url)

    def close(self) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        media: str = "application/json",
        headers: dict[str, str] | None = None,
        what: str = "the cluster",
        attempts: int = _ATTEMPTS,
        retried: frozenset[int] = RETRIED_STATUS,
    ) -> Object:
        """The answer to a request for `what`. Raises ApiError when the server refuses it, at the last attempt."""
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {"Accept": "application/json", "Content-Type": media, **(headers or {})}
        for delay in _delays(attempts):
            try:
                with self._explained():
                    response = self._http.request(
                        method, path, params=_compact(query or {}), content=content, headers=headers
                    )
            except httpx.TransportError as problem:
                if delay is None:
                    raise self._unreachable(problem) from problem
            else:
                if response.status_code == 401:
                    raise self._error(f"the cluster of {self._where} does not accept its credentials")
                if response.status_code not in retried or delay is None:
                    return _answer(what, response)
            time.sleep(delay)
        raise AssertionError("the last attempt returns or raises")

    def stream(self, path: str, query: dict[str, str], what: str) -> Iterator[tuple[Any, Object]]:
        """The events of one watch connection, until the server ends it or it breaks."""
        timeout = httpx.Timeout(60, read=float(query["timeoutSeconds"]) + 30)
        request = self._http.build_request("GET", path, params=_compact(query), timeout=timeout)
        for delay in _delays(_ATTEMPTS):
            try:
                with self._explained():
                    response = self._http.send(request, stream=True)
            except httpx.TransportError as problem:
                if delay is None:
                    raise self._unreachable(problem) from problem
            else:
                with closing(response):
                    if response.status_code not in RETRIED_STATUS or delay is None:
                        yield from _events(what, response)
                        return
            time.sleep(delay)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """An exec plugin of the kubeconfig runs within a request; its failures are the kubeconfig's."""
        try:
            yield
        except (ConfigError, FileNotFoundError, PermissionError) as problem:
            raise self._error(f"kubeconfig {self._where}: its credentials plugin failed: {problem}") from problem
        except (KeyError, json.JSONDecodeError) as problem:
            raise self._error(f"kubeconfig {self._where}: its credentials plugin gave no token") from problem

    def _unreachable(self, problem: Exception) -> RehearsalError:
        cause = str(problem) or type(problem).__name__
        return self._error(f"the cluster of {self._where} is not reachable at {self._http.base_url}: {cause}")


def _events(what: str, response: httpx.Response) -> Iterator[tuple[Any, Object]]:
    if response.status_code == 410:
        yield "ERROR", {}
        return
    if response.is_error:
        response.read()
        _answer(what, response)
    try:
        for line in response.iter_lines():
            event = json.loads(line)
            yield event["type"], event["object"]
    except (httpx.TransportError, json.JSONDecodeError):
        return  # broken on the way, perhaps within a line: the caller resumes at its last version


def _delays(attempts: int) -> Iterator[float | None]:
    """Seconds to wait after each attempt; None after the last."""
    yield from (min(0.1 * 2**attempt, 2.0) for attempt in range(attempts - 1))
    yield None


def _compact(query: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in query.items() if value}


def _answer(what: str, response: httpx.Response) -> Object:
    try:
        content = response.json()
    except json.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise ApiError(what, response.status_code, "", f"HTTP {response.status_code}, not in the API's form")
    if response.is_error:
        message = content.get("message") or f"HTTP {response.status_code}"
        raise ApiError(what, response.status_code, content.get("reason", ""), message)
    return content
