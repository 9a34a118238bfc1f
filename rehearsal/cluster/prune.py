"""Deletes what left the program, in the reverse order of its making; what is protected stays, with the reason."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from rehearsal.cluster.changes import Changes, Remark
from rehearsal.cluster.client import ApiError, Client
from rehearsal.cluster.state import Address, Entry, State
from rehearsal.cluster.work import Crew, Refused
from rehearsal.progress import Progress

_DELETE_SECONDS: Final = 120.0  # a namespace is emptied first


def destroy(client: Client, state: State, progress: Progress, *, protected_too: bool) -> Changes:
    """Deletes every object of a stack from a cluster that goes on living, and then the stack's state.

    Protected ones stay and are refused unless `protected_too`: an embedded control plane holds no data to lose.
    Raises ApplyError when anything was refused.
    """
    if protected_too:
        entries = state.entries.items()
        state.record({urn: replace(entry, protect=False, retain_on_delete=False) for urn, entry in entries})
    changes = Changes()
    with Crew() as crew:
        Pruning(client, state, crew, changes, progress).prune(program=(), addresses=())
    changes.raise_refusals()
    state.erase()
    return changes


@dataclass(frozen=True)
class Pruning:
    """Prunes one stack; deletions, refusals and what was left alone go to `changes`."""

    client: Client
    state: State
    crew: Crew
    changes: Changes
    progress: Progress

    def prune(self, program: Collection[str], addresses: Collection[Address]) -> None:
        """Deletes what the state holds and the program has not: `program` are its URNs, `addresses` its objects'.

        A protected resource outside Kubernetes, which exists nowhere in a rehearsal, is refused as by `pulumi up`.
        """
        entries = self.state.entries
        leaving = {urn: entry for urn, entry in entries.items() if urn not in program}
        staying = [entry for urn, entry in entries.items() if urn in program or entry.protect]
        retained = [entry for entry in leaving.values() if entry.retain_on_delete and not entry.protect]
        doomed: dict[str, Entry] = {}
        for urn, entry in leaving.items():
            if entry.protect:
                reason = "protected: give back the configuration it came from, or `up` it once with protect=False first"
                self.changes.refused.append(Remark(str(entry), reason))
            elif held := _inside(entry, staying):
                self.changes.refused.append(Remark(str(entry), f"holds {held}, which is to stay"))
            elif held := _inside(entry, retained):
                self._leave(urn, entry, f"holds {held}, which retain_on_delete keeps")
            elif entry.kind and entry.address in addresses:
                self._leave(
                    urn, entry, "the program has it by another URN without an alias; `pulumi up` would delete it"
                )
            elif entry.kind and entry.retain_on_delete:
                self._leave(urn, entry, "retain_on_delete")
            elif entry.kind:
                doomed[urn] = entry
            else:
                self.state.forget(urn)
        if doomed:
            self._delete(doomed)

    def _leave(self, urn: str, entry: Entry, why: str) -> None:
        self.changes.kept.append(Remark(str(entry), why))
        self.state.forget(urn)

    def _delete(self, doomed: Mapping[str, Entry]) -> None:
        by_wave = sorted(doomed.items(), key=lambda item: -item[1].wave)
        with self.progress.step("removing objects") as step:
            for _, wave in groupby(by_wave, key=lambda item: item[1].wave):
                for (urn, entry), outcome in self.crew.each(self._delete_one, wave):
                    if isinstance(outcome, Refused):
                        self.changes.refused.append(Remark(str(entry), str(outcome)))
                    elif outcome:
                        self._leave(urn, entry, outcome)
                    else:
                        self.changes.deleted.append(str(entry))
                        self.state.forget(urn)
                    step.show("objects removed", done=len(self.changes.deleted), total=len(doomed))

    def _delete_one(self, item: tuple[str, Entry]) -> str:
        """Deletes an object and waits until it is gone. Returns why it was left alone, if it was."""
        _, entry = item
        where = (entry.api_version, entry.kind, entry.name, entry.namespace)
        try:
            if self.client.delete(*where, uid=entry.uid):
                self.crew.wait_until_gone(self.client, *where, entry.uid, _DELETE_SECONDS)
        except ApiError as refusal:
            if refusal.status == 409:
                return "somebody made it anew: it is no longer ours"
            if refusal.status != 404:  # its kind is no longer served: it went with its definition
                raise
        return ""


def _inside(namespace: Entry, entries: Iterable[Entry]) -> Entry | None:
    """The first of `entries` that would be lost with this entry, if it is a namespace."""
    inside = (entry for entry in entries if namespace.kind == "Namespace" and entry.namespace == namespace.name)
    return next(inside, None)
