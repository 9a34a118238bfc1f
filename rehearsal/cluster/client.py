"""A thin synchronous client of the Kubernetes API: objects are plain dicts, as the API writes them.

Kinds are named by `api_version` and `kind` ("apps/v1", "Deployment") and found by discovery. One client may be used by
many threads. What the API server refuses is an `ApiError` that keeps its reason and its message.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import httpx2 as httpx
from lightkube.core.exceptions import ConfigError

from rehearsal.cluster import connection
from rehearsal.engine.scrubbing import Scrubber
from rehearsal.errors import RehearsalError

Object = dict[str, Any]
FIELD_MANAGER: Final = "retail-rehearsal"
_DISCOVERY: Final = ", ".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_RETRIED_STATUS: Final = frozenset({429, 502, 503, 504})
_ATTEMPTS: Final = 8  # 0.1 s, doubled up to 2 s: about 7 s in all
_PAGE: Final = 500

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


@dataclass(frozen=True)
class Kind:
    """A kind as the API server serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        scope = ["namespaces", namespace] if self.namespaced and namespace else []
        return "/".join(filter(None, [root, *scope, self.plural, name, subresource]))


class Listing(NamedTuple):
    """The objects of a kind, and the resource version at which they stood so."""

    items: list[Object]
    resource_version: str


class Event(NamedTuple):
    """One step of a watch. SYNCED (with an empty object) says that what existed at the start has been told."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "SYNCED"]
    object: Object


class Client:
    """Talks to the API server of one kubeconfig."""

    def __init__(self, kubeconfig: Path, *, context: str | None = None, error: type[RehearsalError] = RehearsalError):
        """Reads the file and reaches the cluster once; what fails there is raised as `error` (`UserError` for
        a kubeconfig the user named)."""
        self._error = error
        self._where = str(kubeconfig)
        self._http = connection.connect(kubeconfig, context, error)
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._discovering = threading.Lock()
        try:
            self.version: str = self._request("GET", "/version", attempts=2)["gitVersion"]
        except (ApiError, KeyError) as problem:
            server = self._http.base_url
            raise error(f"kubeconfig {kubeconfig}: {server} is no Kubernetes API server ({problem})") from problem

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def discover(self) -> None:
        """Asks anew which kinds are served. `kind` does so by itself for what it has not heard of."""
        kinds: dict[tuple[str, str], Kind] = {}
        for root in ("/api", "/apis"):
            for group in self._request("GET", root, headers={"Accept": _DISCOVERY})["items"]:
                name = group["metadata"].get("name", "")
                for version in group["versions"]:
                    api_version = f"{name}/{version['version']}" if name else version["version"]
                    for served in version.get("resources", []):
                        kind = Kind(
                            api_version=api_version,
                            kind=served["responseKind"]["kind"],
                            plural=served["resource"],
                            namespaced=served["scope"] == "Namespaced",
                        )
                        kinds[api_version, kind.kind] = kind
        self._kinds = self._kinds | kinds

    def learn(self, kind: Kind) -> bool:
        """Takes in a kind from its definition, if the API server serves it already. Discovery comes to know dozens of
        new definitions only many seconds later (20 s for 46 of them on a busy machine)."""
        try:
            self._request("GET", kind.path(None), query={"limit": "1"}, what=kind.kind)
        except ApiError as refusal:
            if refusal.status != 404:
                raise
            return False
        self._kinds = self._kinds | {(kind.api_version, kind.kind): kind}
        return True

    def kind(self, api_version: str, kind: str) -> Kind:
        """How the cluster serves a kind. Discovers on the first use and on a miss, as CRDs come while we run."""
        found = self._kinds.get((api_version, kind))
        if found is None:
            with self._discovering:
                if (api_version, kind) not in self._kinds:
                    self.discover()
            found = self._kinds.get((api_version, kind))
        if found is None:
            message = f"the cluster serves no {kind} of {api_version}; its CustomResourceDefinition is missing"
            raise ApiError(kind, 404, "NotFound", message)
        return found

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None when there is none."""
        what = _what(kind, name, namespace)
        try:
            return self._request("GET", self.kind(api_version, kind).path(namespace, name), what=what)
        except ApiError as refusal:
            if refusal.status == 404:
                return None
            raise

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> Listing:
        """All objects of a kind, of every namespace unless one is named; `labels` and `fields` are selectors."""
        path = self.kind(api_version, kind).path(namespace)
        query = {"labelSelector": labels, "fieldSelector": fields, "limit": str(_PAGE)}
        headers = {"Accept": _METADATA} if metadata_only else {}
        items: list[Object] = []
        while True:
            page = self._request("GET", path, query=query, what=kind, headers=headers)
            # Items of a list carry neither field; consumers want them as `get` returns them.
            items += [{**item, "apiVersion": api_version, "kind": kind} for item in page["items"] or []]
            if not (token := page["metadata"].get("continue")):
                return Listing(items, page["metadata"]["resourceVersion"])
            query["continue"] = token

    def apply(
        self,
        manifest: Mapping[str, Any],
        *,
        field_manager: str = FIELD_MANAGER,
        force: bool = True,
        dry_run: bool = False,
        subresource: str = "",
    ) -> Object:
        """Server-side apply; returns the object as it now stands. Fields the schema does not know are refused."""
        query = {"fieldManager": field_manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return self._send("PATCH", manifest, "apply-patch+yaml", query, subresource=subresource)

    def create(self, manifest: Mapping[str, Any]) -> Object:
        """Creates the object; an `ApiError` of status 409 when it exists."""
        return self._send("POST", manifest, "json", {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"})

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        body: Mapping[str, Any],
        namespace: str | None = None,
        *,
        subresource: str = "",
    ) -> Object:
        """A JSON merge patch: what `body` names is set, null removes. `subresource` is "status" or "scale"."""
        manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
        query = {"fieldManager": FIELD_MANAGER}
        return self._send("PATCH", manifest, "merge-patch+json", query, subresource=subresource, body=body)

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        propagation: Literal["Background", "Foreground", "Orphan"] = "Background",
        grace_seconds: int | None = None,
    ) -> bool:
        """Asks for deletion; False when there was none. With `uid`, only that incarnation (409 for another)."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        path = self.kind(api_version, kind).path(namespace, name)
        try:
            self._request("DELETE", path, body=options, what=_what(kind, name, namespace))
        except ApiError as refusal:
            if refusal.status == 404:
                return False
            raise
        return True

    def evict(self, name: str, namespace: str) -> bool:
        """Evicts a pod; False when a disruption budget forbids it now or the pod is gone."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
        path = self.kind("v1", "Pod").path(namespace, name, "eviction")
        try:
            # 429 is the budget's answer here, not the server's overload: no retry.
            self._request("POST", path, body=body, what=_what("Pod", name, namespace), retried=_RETRIED_STATUS - {429})
        except ApiError as refusal:
            if refusal.status in (404, 429):
                return False
            raise
        return True

    def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        stop: threading.Event | None = None,
        timeout_seconds: int = 240,
    ) -> Iterator[Event]:
        """What exists (ADDED each, then SYNCED), then every change, for ever.

        Connections are resumed where they ended; after a gap the server can't bridge, everything is told again, what
        vanished meanwhile as DELETED. `stop` is looked at between events and at least every `timeout_seconds`, the
        longest a silent connection lasts. Ends in an error when the cluster stays out of reach.
        """
        known: dict[str, Object] = {}
        version = ""
        while not (stop and stop.is_set()):
            if not version:
                listing = self.list(api_version, kind, namespace, labels=labels, fields=fields)
                version = listing.resource_version
                present = {item["metadata"]["uid"]: item for item in listing.items}
                gone = [item for uid, item in known.items() if uid not in present]
                known = present
                yield from (Event("DELETED", item) for item in gone)
                yield from (Event("ADDED", item) for item in listing.items)
                yield Event("SYNCED", {})
            query = {"labelSelector": labels, "fieldSelector": fields, "resourceVersion": version}
            query |= {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(timeout_seconds)}
            for kind_of_event, item in self._stream(self.kind(api_version, kind).path(namespace), query, kind):
                if kind_of_event == "ERROR":  # 410 Gone: our version is older than what the server remembers
                    version = ""
                    break
                version = item["metadata"]["resourceVersion"]
                if kind_of_event == "BOOKMARK":
                    continue
                if kind_of_event == "DELETED":
                    known.pop(item["metadata"]["uid"], None)
                else:
                    known[item["metadata"]["uid"]] = item
                yield Event(kind_of_event, item)
                if stop and stop.is_set():
                    return

    def _stream(self, path: str, query: dict[str, str], what: str) -> Iterator[tuple[Any, Object]]:
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
                    if response.status_code not in _RETRIED_STATUS or delay is None:
                        yield from _events(what, response)
                        return
            time.sleep(delay)

    def _send(
        self,
        method: str,
        manifest: Mapping[str, Any],
        media: str,
        query: dict[str, str],
        *,
        subresource: str = "",
        body: Mapping[str, Any] | None = None,
    ) -> Object:
        metadata = manifest["metadata"]
        kind = self.kind(manifest["apiVersion"], manifest["kind"])
        name, namespace = metadata["name"], metadata.get("namespace")
        if kind.namespaced and not namespace:
            raise RehearsalError(f"{kind.kind} {name}: metadata.namespace is missing")
        path = kind.path(namespace, "" if method == "POST" else name, subresource)
        what = _what(kind.kind, name, namespace)
        content = manifest if body is None else body
        try:
            return self._request(method, path, query=query, body=content, media=f"application/{media}", what=what)
        except ApiError as refusal:
            if kind.kind != "Secret":
                raise
            scrub = Scrubber()
            scrub.add([content.get("data"), content.get("stringData")])
            raise ApiError(what, refusal.status, refusal.reason, scrub(refusal.message)) from None

    def _request(
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
        retried: frozenset[int] = _RETRIED_STATUS,
    ) -> Object:
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


def _what(kind: str, name: str, namespace: str | None = None) -> str:
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


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
