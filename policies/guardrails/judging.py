"""From a rule to its violations: whatever a rule stumbles over is a violation of it."""

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guardrails.graph import Graph
from guardrails.reading import Unjudged
from guardrails.resource import Resource
from guardrails.rule import Rule, Violation

_HERE = Path(__file__).parent


def judge_alone(rule: Rule, resource: Resource, config: Any) -> Iterator[Violation]:
    """What a resource rule says about one resource."""
    yield from _judged(rule, resource, resource, config)


def judge_stack(rule: Rule, graph: Graph) -> Iterator[Violation]:
    """What a stack rule says: called once, or for each resource of its types, so that one can't hide another."""
    if not rule.of:
        yield from _judged(rule, None, graph)
        return
    for resource in graph.all(*rule.of):
        yield from _judged(rule, resource, resource, graph)


def _judged(rule: Rule, subject: Resource | None, *arguments: Any) -> Iterator[Violation]:
    try:
        yield from rule.check(*arguments)
    except Unjudged as stopped:
        yield Violation(stopped.resource or subject, f"can't be judged: {stopped}")
    except Exception as error:
        # Never the error's own text: it may quote a value, and values may be secret.
        yield Violation(subject, f"can't be judged: {type(error).__name__} in {_place(error)}", "report this rule")


def _place(error: Exception) -> str:
    """`file:line` of the innermost line of the guardrails that led to `error`."""
    frames = [
        (Path(frame.f_code.co_filename), line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if Path(frame.f_code.co_filename).is_relative_to(_HERE)
    ]
    path, line = frames[-1] if frames else (_HERE, 0)
    return f"{path.name}:{line}"
