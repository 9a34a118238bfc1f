"""Runs the stand-ins over one cluster until told to end, or until the cluster is gone.

A thread per watched kind feeds the shared view; a thread per stand-in looks at it when something changed (and every
RESYNC_SECONDS) and does what is to be done. A stand-in that fails is logged and tried again, never lost.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from rehearsal.cluster.client import ApiError, Client
from rehearsal.errors import RehearsalError
from rehearsal.standins.executor import Executor, slim
from rehearsal.standins.kinds import Kind
from rehearsal.standins.stand_in import StandIn
from rehearsal.standins.world import Key, View, key_of

log = logging.getLogger(__name__)

RESYNC_SECONDS = 30.0
GONE_SECONDS = 60.0
"""An API server that answers nothing for so long is not coming back."""
_PING_SECONDS = 5.0
_LONGEST_SETTLING = 5
"""A stand-in waits for at most so many times its `settle_seconds` while changes keep coming."""
_CRD_SECONDS = 1.0
_DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)


class Supervisor:
    """The stand-ins of one cluster."""

    def __init__(self, client: Client, stand_ins: Sequence[StandIn]) -> None:
        self._client = client
        self._stand_ins = stand_ins
        self._view = View()
        self._stopping = threading.Event()
        self._kinds = list(dict.fromkeys(kind for stand_in in stand_ins for kind in stand_in.watches))
        self._told: dict[Kind, threading.Event] = {kind: threading.Event() for kind in self._kinds}
        self._gate = _Gate(client)

    def stop(self) -> None:
        """Ends `run`; may be called from a signal handler."""
        self._stopping.set()

    def run(self) -> bool:
        """Blocks until `stop` (True) or until the cluster has been out of reach for GONE_SECONDS (False)."""
        for stand_in in self._stand_ins:
            changed = self._view.subscribe(stand_in.watches)
            self._start(f"stand-in {stand_in.name}", self._keep, stand_in, changed)
        for kind in self._kinds:
            self._start(f"watch {kind.kind}", self._watch, kind)
        last_seen = time.monotonic()
        while not self._stopping.wait(_PING_SECONDS):
            if self._reachable():
                last_seen = time.monotonic()
                continue
            log.info("the cluster has been out of reach for %.0f s", time.monotonic() - last_seen)
            if time.monotonic() - last_seen > GONE_SECONDS:
                log.info("ending")
                self._stopping.set()
                return False
        return True

    def _start(self, name: str, target: Callable[..., None], *arguments: object) -> None:
        # Daemons: a watch sits in a read that nothing interrupts, and nothing here needs an orderly end.
        threading.Thread(target=target, args=arguments, name=name, daemon=True).start()

    def _reachable(self) -> bool:
        try:
            self._client.get("v1", "Namespace", "kube-system")
        except ApiError:
            return True  # an answer, whatever it says
        except RehearsalError:
            return False
        return True

    def _watch(self, kind: Kind) -> None:
        """Tells the view of one kind, from whenever its CRD comes."""
        while not self._stopping.is_set():
            try:
                if self._gate.serves(kind):
                    self._follow(kind)
                self._told[kind].set()  # nothing of it can exist
            except RehearsalError as problem:
                # No word of a CRD that is not served yet, nor, once for each watch, of a cluster out of reach.
                told = isinstance(problem, ApiError) and problem.status != 404
                log.log(logging.WARNING if told else logging.DEBUG, "watch of %s: %s", kind.kind, problem)
            except Exception:
                log.exception("watch of %s failed", kind.kind)
            self._stopping.wait(_CRD_SECONDS)

    def _follow(self, kind: Kind) -> None:
        present: set[Key] = set()
        for event in self._client.watch(
            kind.api_version, kind.kind, kind.namespace, labels=kind.labels, fields=kind.fields
        ):
            if event.type == "SYNCED":
                self._view.only(kind, present)
                self._told[kind].set()
            elif event.type == "DELETED":
                present.discard(key_of(event.object))
                self._view.tell(event.object, deleted=True)
            else:
                present.add(key_of(event.object))
                self._view.tell(slim(event.object))

    def _keep(self, stand_in: StandIn, changed: threading.Event) -> None:
        """Looks and acts, again and again."""
        for kind in stand_in.watches:
            while not self._told[kind].wait(1.0):
                if self._stopping.is_set():
                    return
        log.info("stand-in %s is up", stand_in.name)
        executor = Executor(self._client, self._view)
        failures = 0
        while not self._stopping.is_set():
            changed.clear()
            try:
                for action in stand_in.plan(self._view.snapshot(stand_in.watches, executor.refusals)):
                    executor.perform(action)
                failures = 0
            except Exception as problem:
                if not isinstance(problem, RehearsalError):  # the cluster is out of reach: `run` says so
                    log.exception("stand-in %s failed", stand_in.name)
                self._stopping.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1
                continue
            if changed.wait(min(executor.next_try() or RESYNC_SECONDS, RESYNC_SECONDS)):
                self._settle(stand_in, changed)

    def _settle(self, stand_in: StandIn, changed: threading.Event) -> None:
        """Lets a burst of changes pass: until it has been quiet for a moment, but not for ever."""
        deadline = time.monotonic() + _LONGEST_SETTLING * stand_in.settle_seconds
        while (left := deadline - time.monotonic()) > 0:
            changed.clear()
            if not changed.wait(min(stand_in.settle_seconds, left)):
                return


class _Gate:
    """Knows which CustomResourceDefinitions there are, by one question for all watches that wait for theirs."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asking = threading.Lock()
        self._asked_at = 0.0
        self._definitions: frozenset[str] = frozenset()

    def serves(self, kind: Kind) -> bool:
        with self._asking:
            if kind.crd and time.monotonic() - self._asked_at >= _CRD_SECONDS:
                listing = self._client.list(*_DEFINITION, metadata_only=True)
                self._definitions = frozenset(item["metadata"]["name"] for item in listing.items)
                self._asked_at = time.monotonic()
            return not kind.crd or kind.crd in self._definitions
