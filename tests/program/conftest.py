"""Every shipped stack, evaluated once in a session: the program is what these tests are about, not the engine."""

from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import Evaluation
from rehearsal.paths import PROJECT_DIR

Evaluate = Callable[..., Evaluation]

STACKS = sorted(file.name.split(".")[1] for file in PROJECT_DIR.glob("Pulumi.*.yaml"))


@pytest.fixture(scope="session")
def evaluate_once() -> Evaluate:
    """`evaluate_once("dev", preview=True, season="peak")`: kept for the session; keywords are config keys.

    An evaluation with config keys of its own keeps the generated passwords of the one without, as the next `up` does.
    """
    kept: dict[tuple[Any, ...], Evaluation] = {}

    def of(stack: str, *, preview: bool = False, **config: str) -> Evaluation:
        own = of(stack).config if config else {}
        config = {name: text for name, text in config.items() if own[f"odoo-retail:{name}"] != text}
        key = (stack, preview, *sorted(config.items()))
        if key not in kept:
            before = of(stack).resources.values() if config else ()
            generated = {each.urn: each.outputs for each in before if each.type.startswith("random:")}
            kept[key] = evaluate(PROJECT_DIR, stack, preview=preview, overrides=config, previous_outputs=generated)
        return kept[key]

    return of


@pytest.fixture(scope="session", params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    """Every shipped stack in turn."""
    return str(request.param)


@pytest.fixture(scope="session", params=["up", "preview"])
def evaluation(request: pytest.FixtureRequest, evaluate_once: Evaluate, stack: str) -> Evaluation:
    """Every shipped stack, as deployed and as before its first deployment."""
    return evaluate_once(stack, preview=request.param == "preview")


@pytest.fixture(scope="session")
def deployed(evaluate_once: Evaluate, stack: str) -> Evaluation:
    """Every shipped stack, as deployed."""
    return evaluate_once(stack)


@pytest.fixture(scope="session")
def objects(deployed: Evaluation) -> list[KubernetesObject]:
    """The Kubernetes objects of every shipped stack, as deployed."""
    return kubernetes_objects(deployed)
