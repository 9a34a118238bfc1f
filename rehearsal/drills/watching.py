"""Watches a cluster while something is done to it: how few pods of each workload were ready, which budgets broke."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rehearsal.cluster.client import Client, Object
from rehearsal.cluster.placement import workload_of
from rehearsal.errors import RehearsalError
from retail.naming import LABEL_CLASS

_SYNC_SECONDS = 30.0
_ROUND_SECONDS = 2
"""The longest that ending waits for a silent connection."""


class Workload(NamedTuple):
    namespace: str
    name: str


class Watch:
    """Follows every change of pods that have a class and of disruption budgets, from `with` to the end of it.

    It looks at each event, not now and then: what was too few for a moment is seen. `lowest` is of the pods that were
    ready and not on their way out; `violated` names budgets that had fewer healthy pods than they ask for.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self.lowest: dict[Workload, int] = {}
        self.violated: dict[str, str] = {}
        self._ready: dict[str, Workload] = {}
        self._known: set[Workload] = set()
        self._kubeconfig = kubeconfig
        self._stop = threading.Event()
        self._synced = [threading.Event(), threading.Event()]
        self._problems: list[BaseException] = []
        follow = (self._pods, self._budgets)
        self._threads = [
            threading.Thread(target=self._run, args=(each, event), daemon=True)
            for each, event in zip(follow, self._synced, strict=True)
        ]

    def __enter__(self) -> "Watch":
        for thread in self._threads:
            thread.start()
        if not all(event.wait(_SYNC_SECONDS) for event in self._synced):
            raise RehearsalError(f"the cluster could not be watched: {self._problems or 'no answer'}")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._problems:
            raise RehearsalError(f"the watch of the cluster broke off: {self._problems[0]}")

    def _run(self, follow: Callable[[Client, threading.Event], None], synced: threading.Event) -> None:
        try:
            with Client(self._kubeconfig) as client:
                follow(client, synced)
        except Exception as problem:  # told to whoever ends the watch
            self._problems.append(problem)

    def _events(
        self, client: Client, api_version: str, kind: str, labels: str, synced: threading.Event
    ) -> Iterator[tuple[bool, Object]]:
        """Whether the object is there, and the object; `synced` is set once what exists has been told."""
        for event in client.watch(api_version, kind, labels=labels, stop=self._stop, timeout_seconds=_ROUND_SECONDS):
            if event.type == "SYNCED":
                synced.set()
            else:
                yield event.type != "DELETED", event.object

    def _pods(self, client: Client, synced: threading.Event) -> None:
        for there, pod in self._events(client, "v1", "Pod", LABEL_CLASS, synced):
            uid = pod["metadata"]["uid"]
            workload = Workload(pod["metadata"]["namespace"], workload_of(pod["metadata"]["labels"]))
            self._known.add(workload)
            if there and _ready(pod):
                self._ready[uid] = workload
            else:
                self._ready.pop(uid, None)
            counts = Counter(self._ready.values())
            for each in self._known:
                # Before all is told, few are known to be ready.
                low = self.lowest.get(each, counts[each]) if synced.is_set() else counts[each]
                self.lowest[each] = min(low, counts[each])

    def _budgets(self, client: Client, synced: threading.Event) -> None:
        for there, budget in self._events(client, "policy/v1", "PodDisruptionBudget", "", synced):
            status, metadata = budget.get("status") or {}, budget["metadata"]
            if not there or status.get("observedGeneration") != metadata["generation"]:
                continue
            healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
            if status.get("expectedPods", 0) and healthy < wanted:
                self.violated[f"{metadata['namespace']}/{metadata['name']}"] = f"{healthy} healthy of {wanted}"


def _ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return "deletionTimestamp" not in pod["metadata"] and any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions
    )
