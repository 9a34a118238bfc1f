"""What holding a stack against the guardrails costs: as it is, and ten times as large."""

from dataclasses import replace
from typing import Any, Final

from rehearsal.bench.evaluating import STACK
from rehearsal.bench.figures import Figure
from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import Evaluation
from rehearsal.guardrails.judge import judge
from rehearsal.paths import PROJECT_DIR

TIMES: Final = 10
CONTRACTS: Final = ("retail:platform:Retailer", "retail:platform:Foundation")
"""Components that carry a contract: a stack has one."""

_GOALS: Final = {"start": 1.0, "resources": None, "stack": None}
_PER_300: Final = 5.0


def measure_judging() -> list[Figure]:
    """Seconds that pass, pack process and protocol included. Growth is a ratio: 1 is linear."""
    evaluation = evaluate(PROJECT_DIR, STACK, preview=True)
    once, large = (judge(each).seconds for each in (evaluation, repeated(evaluation, TIMES)))
    count = len(evaluation.resources)
    whole = sum(once.values())
    figures = [
        Figure("guardrails", f"{lap} of {STACK}", once[lap], "s", goal, f"{count} resources")
        for lap, goal in _GOALS.items()
    ]
    work, more = (seconds["resources"] + seconds["stack"] for seconds in (once, large))
    return [
        *figures,
        Figure("guardrails", "all of it, for 300 resources", whole * 300 / count, "s", _PER_300),
        Figure("guardrails", f"{count * TIMES} resources, each to {count}", more / work / TIMES, "x", 1.5),
    ]


def repeated(evaluation: Evaluation, times: int) -> Evaluation:
    """As if the stack held so many retailers, each in a namespace of its own, all under the contract of the first."""
    resources = dict(evaluation.resources)
    for number in range(1, times):
        suffix = f"-{number}"
        for urn, each in evaluation.resources.items():
            if each.type not in CONTRACTS:
                resources[urn + suffix] = replace(
                    each,
                    urn=urn + suffix,
                    inputs=_moved(each.inputs, suffix),
                    parent=each.parent and each.parent + suffix,
                    dependencies=tuple(other + suffix for other in each.dependencies),
                    property_dependencies={
                        key: tuple(other + suffix for other in others)
                        for key, others in each.property_dependencies.items()
                    },
                )
    return replace(evaluation, resources=resources)


def _moved(inputs: dict[str, Any], suffix: str) -> dict[str, Any]:
    metadata = inputs.get("metadata")
    if not isinstance(metadata, dict) or "namespace" not in metadata:
        return inputs
    return {**inputs, "metadata": {**metadata, "namespace": f"{metadata['namespace']}{suffix}"}}
