"""Brings the program's objects about in a cluster, and nothing else.

Every object is applied on every run, by server-side apply: what is as it should be costs a read and a write that the
API server finds to be none, and what somebody changed or deleted by hand is put right without a second mechanism.
Fields that others own and the program does not name (replicas under an autoscaler) stay theirs.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.cluster.changes import Changes, Remark
from rehearsal.cluster.client import FIELD_MANAGER, ApiError, Client, Object
from rehearsal.cluster.definitions import wait_until_served
from rehearsal.cluster.order import order
from rehearsal.cluster.prune import Pruning
from rehearsal.cluster.state import Entry, State, address
from rehearsal.cluster.work import Crew, Refused
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import UNKNOWN, Evaluation, Secret, reveal, secret_texts
from rehearsal.engine.scrubbing import Scrubber
from rehearsal.errors import RehearsalError
from rehearsal.progress import Progress

# How the API server says that a field may be set but not changed: k8s.io/apimachinery's ValidateImmutableField, and the
# sentences of its own that StatefulSet, Service, PriorityClass, StorageClass, RoleBinding and Pod have instead.
_IMMUTABLE: Final = re.compile(
    r"immutable|updates to .{1,200} (is|are) forbidden|may not change once set|may not be changed in an update"
    r"|cannot change roleRef|pod updates may not change",
    re.DOTALL,
)
_REPLACE_SECONDS: Final = 60.0


def apply(evaluation: Evaluation, client: Client, state: State, progress: Progress) -> Changes:
    """Applies what the program declares, in its order, and deletes what left it since the state was written.

    What the API server refuses does not stop what does not need it. Raises ApplyError, which holds the changes, with
    all refusals at the end; RehearsalError before anything is touched when the program left a value unknown.
    """
    objects = kubernetes_objects(evaluation)
    _refuse_unknown(objects)
    state.rename({alias: urn for urn, resource in evaluation.resources.items() for alias in resource.aliases})
    state.keep_values(evaluation)
    plan = order(evaluation, objects)
    changes = Changes()
    failed: dict[str, KubernetesObject] = {}
    done = 0
    with Crew() as crew:
        with progress.step("the program's objects") as step:
            for number, wave in enumerate(plan.waves):
                ready: list[KubernetesObject] = []
                for item in wave:
                    if lost := plan.needs[item.urn] & failed.keys():
                        failed[item.urn] = item
                        reason = f"not tried, as it needs {_name(failed[min(lost)])}"
                        changes.refused.append(Remark(_name(item), reason))
                    else:
                        ready.append(item)
                bring = _Bringing(client, state, crew, number)
                for item, outcome in crew.each(bring, ready):
                    done += 1
                    step.show("objects applied", done=done, total=len(objects))
                    if isinstance(outcome, Refused):
                        failed[item.urn] = item
                        changes.refused.append(Remark(_name(item), str(outcome)))
                    else:
                        getattr(changes, outcome).append(_name(item))
        state.record(_outside(evaluation, objects))
        addresses = {address(item.api_version, item.kind, item.namespace, item.name) for item in objects}
        Pruning(client, state, crew, changes, progress).prune(evaluation.resources.keys(), addresses)
    changes.raise_refusals()
    return changes


@dataclass(frozen=True)
class _Bringing:
    """Brings one object about; called by many threads."""

    client: Client
    state: State
    crew: Crew
    wave: int

    def __call__(self, item: KubernetesObject) -> str:
        """Returns the name of the list in `Changes` that the object belongs to."""
        manifest = self._manifest(item)
        namespace = manifest["metadata"].get("namespace")
        former = self.state.get(item.urn)
        moved = former is not None and (former.namespace, former.name) != (namespace, item.name)
        if moved and former and former.protect:
            raise Refused(f"protected: it can't become {namespace or ''}/{item.name} (that is another object)")
        live = self._live(manifest)
        if live and not former:
            self._refuse_other_stacks(live)
        replaced = False
        try:
            applied = self._apply(item, manifest)
        except ApiError as refusal:
            if not live or refusal.status != 422 or not _IMMUTABLE.search(refusal.message):
                raise
            self._clear_for_replacement(item, manifest, former, live, refusal.message)
            applied = self._apply(item, manifest)
            replaced = True
        if item.kind == "CustomResourceDefinition":
            wait_until_served(self.client, [manifest])
        digest = self.state.digest(manifest)
        entry = Entry(
            type=item.resource.type,
            name=item.name,
            api_version=item.api_version,
            kind=item.kind,
            namespace=namespace,
            uid=applied["metadata"]["uid"],
            hash=digest,
            protect=item.resource.protect,
            retain_on_delete=item.resource.retain_on_delete,
            wave=self.wave,
        )
        self.state.record({item.urn: entry})
        if moved and former:
            self._delete_former(former)
        if replaced or moved:
            return "replaced"
        if not live:
            return "created"
        if former and former.hash != digest:
            return "changed"
        if _ours(live, manifest) == _ours(applied, manifest):
            return "unchanged"
        return "restored" if former else "changed"

    def _manifest(self, item: KubernetesObject) -> Object:
        """The request's body: secrets revealed, the namespace explicit, and a Secret's text as data."""
        manifest: Object = reveal(item.manifest)
        if self.client.kind(item.api_version, item.kind).namespaced:
            manifest["metadata"]["namespace"] = item.namespace or "default"
        if item.kind == "Secret" and (text := manifest.pop("stringData", None)):
            # Of `stringData` the server keeps no owner by key: one that left the program would stay for ever.
            encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
            manifest["data"] = (manifest.get("data") or {}) | encoded
        return manifest

    def _live(self, manifest: Object) -> Object | None:
        """The object as it is; one that is on its way out is waited for and is none."""
        metadata = manifest["metadata"]
        where = (manifest["apiVersion"], manifest["kind"], metadata["name"], metadata.get("namespace"))
        live = self.client.get(*where)
        if live and "deletionTimestamp" in live["metadata"]:
            self.crew.wait_until_gone(self.client, *where, live["metadata"]["uid"], _REPLACE_SECONDS)
            return None
        return live

    def _apply(self, item: KubernetesObject, manifest: Object, *, dry_run: bool = False) -> Object:
        try:
            return self.client.apply(manifest, field_manager=_manager(self.state.stack), dry_run=dry_run)
        except ApiError as refusal:
            message = Scrubber(secret_texts(item.manifest))(refusal.message)
            raise ApiError(refusal.what, refusal.status, refusal.reason, message) from None

    def _refuse_other_stacks(self, live: Object) -> None:
        for field in live["metadata"].get("managedFields", []):
            manager = field.get("manager", "")
            if manager.startswith(_manager("")) and manager != _manager(self.state.stack):
                raise Refused(f"is an object of stack {manager.removeprefix(_manager(''))}")

    def _clear_for_replacement(
        self, item: KubernetesObject, manifest: Object, former: Entry | None, live: Object, why: str
    ) -> None:
        """Deletes the live object so that it can be created anew, if the program lets it."""
        if item.resource.protect or (former and former.protect):
            raise Refused(f"protected: the change needs it deleted and created anew ({why})")
        if item.resource.retain_on_delete:
            raise Refused(f"retain_on_delete keeps it: the change needs it deleted and created anew ({why})")
        self._prove_acceptable(item, manifest)
        where = (item.api_version, item.kind, item.name, live["metadata"].get("namespace"))
        uid = live["metadata"]["uid"]
        # Foreground: the new object must not meet the pods of the old one under the same names.
        self.client.delete(*where, uid=uid, propagation="Foreground")
        self.crew.wait_until_gone(self.client, *where, uid, _REPLACE_SECONDS)

    def _prove_acceptable(self, item: KubernetesObject, manifest: Object) -> None:
        """Lets the API server judge the object as a new one, so that none is deleted for one it will not have."""
        name = f"{item.name[:40]}-probe"
        probe = {**manifest, "metadata": {**manifest["metadata"], "name": name}}
        try:
            self._apply(item, probe, dry_run=True)
        except ApiError as refusal:
            # What only one object may have, such as an address, the object to be deleted has; so may be a quota.
            if refusal.status == 422 and "allocated" not in refusal.message:
                raise Refused(refusal.message.replace(name, item.name)) from None

    def _delete_former(self, former: Entry) -> None:
        """After a change of name or namespace the new object stands, and the old one goes."""
        if not former.retain_on_delete:
            self.client.delete(former.api_version, former.kind, former.name, former.namespace, uid=former.uid)


def _outside(evaluation: Evaluation, objects: Sequence[KubernetesObject]) -> dict[str, Entry]:
    """Entries of what the program has outside Kubernetes, so that prune knows when something protected leaves."""
    applied = {item.urn for item in objects}
    return {
        urn: Entry(
            type=resource.type,
            name=resource.name,
            protect=resource.protect,
            retain_on_delete=resource.retain_on_delete,
        )
        for urn, resource in evaluation.resources.items()
        if resource.custom and urn not in applied and not resource.type.startswith("pulumi:")
    }


def _refuse_unknown(objects: Sequence[KubernetesObject]) -> None:
    unknown = [f"{_name(item)}: {path}" for item in objects for path in _unknown_paths(item.manifest, "")]
    if unknown:
        raise RehearsalError("\n  - ".join(["the program left values unknown that an object needs:", *unknown]))


def _unknown_paths(value: Any, path: str) -> list[str]:
    if value is UNKNOWN:
        return [path]
    if isinstance(value, Secret):
        return _unknown_paths(value.value, path)
    if isinstance(value, Mapping):
        return [found for key, item in value.items() for found in _unknown_paths(item, f"{path}.{key}".lstrip("."))]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in _unknown_paths(item, f"{path}[{index}]")]
    return []


def _ours(live: Any, manifest: Any) -> Any:
    """What `live` has in the places that `manifest` names: the rest is others', and may change under our eyes."""
    if isinstance(live, dict) and isinstance(manifest, dict):
        return {key: _ours(live[key], value) for key, value in manifest.items() if key in live}
    if isinstance(live, list) and isinstance(manifest, list) and len(live) == len(manifest):
        return [_ours(*pair) for pair in zip(live, manifest, strict=True)]
    return live


def _manager(stack: str) -> str:
    """The field manager of a stack: whose object it is, for all to see in `kubectl get --show-managed-fields`."""
    return f"{FIELD_MANAGER}-{stack}"


def _name(item: KubernetesObject) -> str:
    return f"{item.kind} {item.namespace}/{item.name}" if item.namespace else f"{item.kind} {item.name}"
