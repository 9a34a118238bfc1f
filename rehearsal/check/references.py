"""Every reference between the program's objects, proven: what is meant is in the program, or somebody promises it.

KWOK calls a pod ready whatever it refers to, so a cluster of the rehearsal would not show a missing Secret; this does.
Objects of a hosted stack may refer to objects of the stacks it references. Where Helm charts install (their namespaces,
and kube-system), what isn't found is taken on trust and counted as such: charts aren't rendered here.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from rehearsal.check import (
    core_references,
    operator_references,
    other_resources,
    postgres_references,
    promises,
    traefik_references,
)
from rehearsal.check.claims import Claim, Flaw, Reference, Selection
from rehearsal.check.cursor import Cursor
from rehearsal.check.finding import Finding, Severity, Where
from rehearsal.check.inventory import Declared, Inventory, with_references
from rehearsal.check.pod_references import of_workload
from rehearsal.check.selectors import could_select, described
from rehearsal.check.service_names import in_texts
from rehearsal.engine.model import UNKNOWN, Evaluation

_FINDERS: Final = {
    **core_references.FINDERS,
    **traefik_references.FINDERS,
    **operator_references.FINDERS,
    **postgres_references.FINDERS,
}


@dataclass
class Proof:
    """The outcome: how many references were proven, taken on trust or unknown until deployment, and what is wrong."""

    proven: int = 0
    trusted: int = 0
    unknown: int = 0
    findings: list[Finding] = field(default_factory=list)


def prove(evaluation: Evaluation, objects: Iterable[Declared], others: Iterable[Declared]) -> Proof:
    """Check what `objects` (of this evaluation) take for granted against them and `others` (of referenced stacks)."""
    own = list(objects)
    proof, inventory = Proof(), Inventory()
    seen: dict[tuple[str, str | None, str], Declared] = {}
    for item in (*own, *others):
        key = item.kind, item.namespace, item.name
        if key in seen and item.where.urn != seen[key].where.urn:
            message = f"is declared twice; the other one is {seen[key].where.urn}"
            proof.findings.append(Finding(Severity.ERROR, item.where, "metadata.name", message))
        seen.setdefault(key, item)
        inventory.add(promises.of_object(item))
    inventory.add(promises.of_kubernetes())
    for stack in with_references(evaluation):
        inventory.trusted |= other_resources.helm_namespaces(stack)
        inventory.add(other_resources.promised(stack))
    inventory.trusted.setdefault("kube-system", "EKS and its add-ons")
    for where, claim in (*_claims(own), *other_resources.claims(evaluation)):
        _Judge(inventory, proof).judge(where, claim)
    return proof


def _claims(objects: Iterable[Declared]) -> Iterator[tuple[Where, Claim]]:
    for item in objects:
        if item.namespace is not None:
            yield item.where, Reference("metadata.namespace", "Namespace", None, item.namespace)
        found = [of_workload(item), in_texts(item)]
        if finder := _FINDERS.get(item.kind):
            found.append(finder(item))
        for claims in found:
            for claim in claims:
                yield item.where, claim


class _Judge:
    """Holds claims against the inventory and notes the outcome."""

    def __init__(self, inventory: Inventory, proof: Proof) -> None:
        self._inventory, self._proof = inventory, proof

    def judge(self, where: Where, claim: Claim) -> None:
        """Count the claim, or add what is wrong with it."""
        match claim:
            case Reference():
                self._reference(where, claim)
            case Selection():
                self._selection(where, claim)
            case Flaw():
                self._wrong(where, claim.path, claim.message, claim.fix)

    def _wrong(self, where: Where, path: str, message: str, fix: str = "", severity: Severity = Severity.ERROR) -> None:
        self._proof.findings.append(Finding(severity, where, path, message, fix))

    def _reference(self, where: Where, wanted: Reference) -> None:
        if UNKNOWN in (wanted.name, wanted.namespace):
            self._proof.unknown += 1
            return
        thing = self._inventory.find(wanted.kind, wanted.namespace, wanted.name)
        if thing is None:
            if wanted.namespace in self._inventory.trusted:
                self._proof.trusted += 1
            elif (wanted.kind, wanted.namespace) in self._inventory.nameless:
                self._proof.unknown += 1
            else:
                self._wrong(where, wanted.path, self._missing(wanted), self._hint(wanted))
            return
        self._proof.proven += 1
        source = f" (made by {thing.by})" if thing.by else ""
        for key in wanted.keys:
            if thing.keys is not None and key is not UNKNOWN and key not in thing.keys:
                there = ", ".join(sorted(map(str, thing.keys))) or "none"
                self._wrong(where, wanted.path, f"{_named(wanted)}{source} has no key {key}; its keys: {there}")
        if wanted.port not in (None, UNKNOWN) and thing.ports is not None and _port(wanted.port) not in thing.ports:
            there = ", ".join(sorted(map(str, thing.ports))) or "none"
            self._wrong(where, wanted.path, f"{_named(wanted)}{source} has no port {wanted.port}; its ports: {there}")

    def _missing(self, wanted: Reference) -> str:
        return f"{_named(wanted)} is neither in the program nor promised by an operator's object"

    def _hint(self, wanted: Reference) -> str:
        if elsewhere := self._inventory.namespaces_with(wanted.kind, wanted.name):
            return f"there is one in namespace {', '.join(elsewhere)}"
        names = self._inventory.names(wanted.kind, wanted.namespace)
        if near := difflib.get_close_matches(wanted.name, names, n=1):
            return f"did you mean {near[0]}?"
        return f"there: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}" if names else ""

    def _selection(self, where: Where, wanted: Selection) -> None:
        pods = self._inventory.pods.get(wanted.namespace, [])
        chosen = [some for some in pods if could_select(wanted.selector, some.labels)]
        if not chosen:
            if wanted.namespace in self._inventory.trusted:
                self._proof.trusted += 1
                return
            message = f"no pods in namespace {wanted.namespace} have the labels {described(wanted.selector)}"
            self._wrong(where, wanted.path, message, self._nearest(wanted))
            return
        self._proof.proven += 1
        if wanted.port in (None, UNKNOWN):
            return
        without = [some.by for some in chosen if not {wanted.port, UNKNOWN} & some.ports]
        if without:
            there = ", ".join(sorted({str(port) for some in chosen for port in some.ports})) or "none"
            severity = Severity.ERROR if len(without) == len(chosen) else Severity.WARNING
            message = f"no container of {', '.join(sorted(set(without)))} declares port {wanted.port} (there: {there})"
            self._wrong(where, wanted.path, message, severity=severity)

    def _nearest(self, wanted: Selection) -> str:
        """The workload that fits best, and where it differs: mostly one label is misspelt."""
        labels = Cursor(wanted.selector)["matchLabels"].mapping()
        best, most = "", 0
        for some in self._inventory.pods.get(wanted.namespace, []):
            same = sum(some.labels.get(key) in (value, UNKNOWN) for key, value in labels.items())
            if same > most:
                differing = [key for key, value in labels.items() if some.labels.get(key) not in (value, UNKNOWN)]
                best = f"{some.by} comes nearest, with {', '.join(f'{k}={some.labels.get(k)}' for k in differing)}"
                most = same
        return best


def _named(wanted: Reference) -> str:
    return f"{wanted.kind.partition('.')[0]} {f'{wanted.namespace}/' if wanted.namespace else ''}{wanted.name}"


def _port(port: object) -> object:
    """Traefik and Ingress take numbers as text as well."""
    return int(port) if isinstance(port, str) and port.isdigit() else port
