"""What a stand-in is, and what it may ask to be done."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from rehearsal.standins.kinds import STAND_IN_LABEL, Kind
from rehearsal.standins.world import Key, Object, World, key_of

HASH_ANNOTATION = "retail/stand-in-hash"
"""On everything a stand-in creates: of the manifest as written, so that a change, and only a change, is written."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Apply:
    """Create the object, or bring what we own of it to this; `subresource` is "" or "status"."""

    manifest: Object
    subresource: str = ""

    @property
    def key(self) -> Key:
        return key_of(self.manifest)


@dataclass(frozen=True)
class Patch:
    """A merge patch of an existing object; `subresource` is "", "status" or "scale"."""

    key: Key
    body: Object
    subresource: str = ""


@dataclass(frozen=True)
class Delete:
    """Delete the object, if it is still that one."""

    key: Key
    uid: str


@dataclass(frozen=True)
class Evict:
    """Evict the pod, as far as disruption budgets let it go."""

    key: Key


Action = Apply | Patch | Delete | Evict


class StandIn(Protocol):
    """One operator's stand-in."""

    @property
    def name(self) -> str:
        """The value of the label `retail/stand-in`."""

    @property
    def watches(self) -> tuple[Kind, ...]:
        """What its world holds."""

    @property
    def settle_seconds(self) -> float:
        """How long changes are gathered before it looks: the quiet it waits for."""

    def plan(self, world: World) -> Iterable[Action]:
        """What to do now. Nothing, once everything is as it should be. Acts on nothing itself."""


def per_object(world: World, kind: Kind, desired: Callable[[Object, World], Iterable[Action]]) -> Iterator[Action]:
    """`desired` of each object that is not being deleted; one that fails is logged and leaves the others alone."""
    for item in world.all(kind):
        if "deletionTimestamp" in item["metadata"]:
            continue
        try:
            yield from list(desired(item, world))
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            where = "/".join(filter(None, key_of(item)[1:]))
            log.error("%s: can't be followed: %s: %s", where, type(problem).__name__, problem, exc_info=problem)


def owned(manifest: Object, owner: Object, stand_in: str) -> Object:
    """The manifest in the owner's namespace, owned by it (gone when it goes) and labelled as ours."""
    metadata: Object = {**manifest["metadata"]}
    if namespace := owner["metadata"].get("namespace"):
        metadata["namespace"] = namespace
    metadata["labels"] = {**metadata.get("labels", {}), STAND_IN_LABEL: stand_in}
    metadata["ownerReferences"] = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    return {**manifest, "metadata": metadata}


def digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def hashed(manifest: Object) -> Object:
    """The manifest with its own hash in an annotation."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), HASH_ANNOTATION: digest(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def hash_of(item: Mapping[str, Any]) -> str | None:
    """The hash an object of ours was last written with."""
    return (item["metadata"].get("annotations") or {}).get(HASH_ANNOTATION)


def keep(world: World, manifests: Iterable[Object]) -> Iterator[Action]:
    """Writes each manifest that is missing or was last written with other content."""
    for manifest in manifests:
        wanted, present = hashed(manifest), world.find(key_of(manifest))
        if present is None or hash_of(present) != hash_of(wanted):
            yield Apply(wanted)


def prune(
    world: World, among: Iterable[Kind], owner: Object, stand_in: str, wanted: Iterable[Object]
) -> Iterator[Action]:
    """Deletes what the stand-in once made for the owner, of the kinds `among`, and no longer wants."""
    kept = {key_of(manifest) for manifest in wanted}
    for kind in among:
        for item in world.all(kind):
            metadata = item["metadata"]
            ours = (metadata.get("labels") or {}).get(STAND_IN_LABEL) == stand_in
            owners = {reference["uid"] for reference in metadata.get("ownerReferences") or []}
            if ours and owner["metadata"]["uid"] in owners and key_of(item) not in kept:
                yield Delete(key_of(item), metadata["uid"])


def keep_status(item: Object, status: Object, *, dated: bool = True) -> Iterator[Action]:
    """Writes the status when it says anything the object does not say already.

    Conditions of `status` carry no time: when they last changed is filled in here, unless the kind has no such field.
    """
    present = item.get("status") or {}
    if dated and "conditions" in status:
        before = {condition["type"]: condition for condition in present.get("conditions") or []}
        status = {**status, "conditions": [_dated(condition, before) for condition in status["conditions"]]}
    if not _within(status, present):
        api_version, kind, namespace, name = key_of(item)
        metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
        manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata, "status": status}
        yield Apply(manifest, subresource="status")


def timestamp(moment: datetime) -> str:
    """As the API writes times (RFC 3339, whole seconds, UTC)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _dated(condition: Object, before: Mapping[str, Object]) -> Object:
    known = before.get(condition["type"])
    same = known is not None and known["status"] == condition["status"] and "lastTransitionTime" in known
    when = known["lastTransitionTime"] if known and same else timestamp(datetime.now(UTC))
    return {**condition, "lastTransitionTime": when}


def _within(wanted: Any, present: Any) -> bool:
    """Whether every field of `wanted` stands so in `present`; lists must be equal but for extra fields of items."""
    if isinstance(wanted, dict):
        return isinstance(present, dict) and all(_within(value, present.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(present, list)
            and len(wanted) == len(present)
            and all(_within(ours, theirs) for ours, theirs in zip(wanted, present, strict=True))
        )
    return bool(wanted == present)
