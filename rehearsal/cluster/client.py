"""A thin synchronous client of the Kubernetes API: objects are plain dicts, as the API writes them.

Kinds are named by `api_version` and `kind` ("apps/v1", "Deployment") and found by discovery. One client may be used by
many threads. What the API server refuses is an `ApiError` that keeps its reason and its message.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from rehearsal.cluster.transport import RETRIED_STATUS, ApiError, Object, Transport
from rehearsal.engine.scrubbing import Scrubber
from rehearsal.errors import RehearsalError

__all__ = ["FIELD_MANAGER", "ApiError", "Client", "Event", "Kind", "Listing", "Object"]

FIELD_MANAGER: Final = "retail-rehearsal"
_DISCOVERY: Final = ", ".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE: Final = 500
_RECONNECT_SECONDS: Final = 0.05  # a server that ends every watch at once is not asked without pause


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
        self._http = Transport(kubeconfig, context, error)
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._discovering = threading.Lock()
        try:
            self.version: str = self._http.request("GET", "/version", attempts=2)["gitVersion"]
        except (ApiError, KeyError) as problem:
            server = self._http.server
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
            for group in self._http.request("GET", root, headers={"Accept": _DISCOVERY})["items"]:
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
            self._http.request("GET", kind.path(None), query={"limit": "1"}, what=kind.kind)
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
            return self._http.request("GET", self.kind(api_version, kind).path(namespace, name), what=what)
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
            page = self._http.request("GET", path, query=query, what=kind, headers=headers)
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
            self._http.request("DELETE", path, body=options, what=_what(kind, name, namespace))
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
            self._http.request(
                "POST", path, body=body, what=_what("Pod", name, namespace), retried=RETRIED_STATUS - {429}
            )
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
            for kind_of_event, item in self._http.stream(self.kind(api_version, kind).path(namespace), query, kind):
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
            time.sleep(_RECONNECT_SECONDS)

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
            return self._http.request(method, path, query=query, body=content, media=f"application/{media}", what=what)
        except ApiError as refusal:
            if kind.kind != "Secret":
                raise
            scrub = Scrubber()
            scrub.add([content.get("data"), content.get("stringData")])
            raise ApiError(what, refusal.status, refusal.reason, scrub(refusal.message)) from None


def _what(kind: str, name: str, namespace: str | None = None) -> str:
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
