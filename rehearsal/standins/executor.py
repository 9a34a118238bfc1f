"""Carries out what the stand-ins ask for, and sees to it that a step without success is not tried again at once."""

import json
import logging
import time
from typing import NamedTuple

from rehearsal.cluster.client import ApiError, Client
from rehearsal.standins.stand_in import Action, Apply, Delete, Evict, Patch
from rehearsal.standins.world import Key, Object, View

log = logging.getLogger(__name__)

FIELD_MANAGER = "retail-stand-in"
_READ_OF_CONTAINERS = ("name", "resources", "restartPolicy")
_FIRST_PAUSE, _LONGEST_PAUSE, _MEMORY = 0.25, 5.0, 15.0
"""Seconds. A step is planned again only when it failed or had no effect: then each try waits twice as long."""


class _Tried(NamedTuple):
    at: float
    pause: float


class Executor:
    """The hands of one stand-in; used by its thread alone."""

    def __init__(self, client: Client, view: View) -> None:
        self._client = client
        self._view = view
        self._tried: dict[str, _Tried] = {}
        self.refusals: dict[Key, str] = {}

    def perform(self, action: Action) -> None:
        """Does it, unless the very same was done a moment ago. What the API server refuses is kept in `refusals`.

        Raises RehearsalError when the cluster is out of reach.
        """
        now = time.monotonic()
        # hash() is salted per process: the content of a Secret can't be read back from what is remembered.
        step = str(hash((type(action).__name__, json.dumps(vars(action), sort_keys=True))))
        before = self._tried.get(step)
        if before and now < before.at + before.pause:
            return
        pause = min(before.pause * 2, _LONGEST_PAUSE) if before else _FIRST_PAUSE
        self._tried = {key: tried for key, tried in self._tried.items() if now < tried.at + _MEMORY}
        self._tried[step] = _Tried(now, pause)
        try:
            self._send(action)
        except ApiError as refusal:
            if refusal.status == 404 or (refusal.status == 409 and not isinstance(action, Apply)):
                return  # it went, or another came in its place: the watch tells
            if refusal.status == 403 and "because it is being terminated" in refusal.message:
                return  # its namespace goes, and it will
            if self.refusals.get(action.key) != refusal.message:
                log.warning("%s", refusal)
            self.refusals[action.key] = refusal.message
        else:
            self.refusals.pop(action.key, None)

    def next_try(self) -> float | None:
        """Seconds until a step that was put off may be tried again; None when there is none."""
        waits = [tried.at + tried.pause - time.monotonic() for tried in self._tried.values()]
        return min((wait for wait in waits if wait > 0), default=None)

    def _send(self, action: Action) -> None:
        api_version, kind, namespace, name = action.key
        match action:
            case Apply(manifest, subresource):
                answer = self._client.apply(manifest, field_manager=FIELD_MANAGER, subresource=subresource)
                self._view.wrote(slim(answer))
            case Patch(_, body, subresource):
                answer = self._client.patch(api_version, kind, name, body, namespace or None, subresource=subresource)
                if subresource != "scale":  # that answers with a Scale, not with the object
                    self._view.wrote(slim(answer))
            case Delete(_, uid):
                self._client.delete(api_version, kind, name, namespace or None, uid=uid)
            case Evict():
                self._client.evict(name, namespace)


def slim(item: Object) -> Object:
    """Takes out of an object (in place) what no stand-in reads: most of it, where there are many pods."""
    item["metadata"].pop("managedFields", None)
    if item["kind"] == "Pod":
        for group in ("initContainers", "containers"):
            item["spec"][group] = [
                {field: container[field] for field in _READ_OF_CONTAINERS if field in container}
                for container in item["spec"].get(group) or []
            ]
    return item
