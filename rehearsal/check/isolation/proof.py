"""The whole proof."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rehearsal.check.isolation import accounts, aws, databases, edges, names, network, nodes, secrets
from rehearsal.check.isolation.estate import Leak, join
from rehearsal.engine.model import Evaluation

WAYS = (names, network, edges, secrets, aws, accounts, nodes, databases)


@dataclass(frozen=True)
class IsolationProof:
    """`leaks` are the ways found from one stack to another; `compared` says how much was looked at, by what it was."""

    leaks: tuple[Leak, ...]
    compared: Counter[str]


def prove_isolation(evaluations: Iterable[Evaluation]) -> IsolationProof:
    """Join the stacks (those they refer to come along) and look for a way from any of them to any other.

    Evaluations are of an `up`: in a preview, ids that tell whose something is are not known.
    """
    estate = join(evaluations)
    found = {leak for way in WAYS for leak in way.leaks(estate)}
    return IsolationProof(tuple(sorted(found)), estate.compared)
