"""A secret planted in the configuration is found nowhere in plain text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Asset, Evaluation, Secret, secret_texts
from rehearsal.errors import RehearsalError, UserError
from rehearsal.paths import PROJECT_DIR

CANARY = "CANARY-c0ffee-9d41"
KEY = "smtp-password"
RELAY = {"smtp-host": "mail.example.com", "smtp-user": "shop"}


@pytest.fixture(scope="module")
def canary() -> Evaluation:
    return evaluate(PROJECT_DIR, "dev", preview=False, overrides={**RELAY, KEY: CANARY})


def plain_texts(value: Any) -> Iterator[str]:
    """Every text in `value`, keys included, that is not inside a Secret."""
    if isinstance(value, Secret):
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from plain_texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from plain_texts(item)
    elif isinstance(value, Asset):
        yield from plain_texts(value.fields)
    else:
        yield str(value)


def test_it_is_where_it_belongs_and_nowhere_else(canary: Evaluation) -> None:
    holders = [
        resource
        for resource in canary.resources.values()
        if any(CANARY in text for text in secret_texts([resource.inputs, resource.outputs]))
    ]
    assert {resource.type for resource in holders} == {"aws:secretsmanager/secretVersion:SecretVersion"}
    for resource in canary.resources.values():
        assert not any(CANARY in text for text in plain_texts(vars(resource))), resource.urn
    assert not any(CANARY in text for text in plain_texts(canary.outputs))
    assert not any(CANARY in warning for warning in canary.warnings)


def test_no_repr_shows_it(canary: Evaluation) -> None:
    assert canary.config[f"odoo-retail:{KEY}"] == CANARY
    assert CANARY not in repr(canary)
    assert CANARY not in repr(kubernetes_objects(canary))


@pytest.mark.parametrize(
    "overrides",
    [
        {"storse": "3"},
        {"stores": "many"},
        {"stores": "-1"},
        {"season": "summer", "stores": "many"},
        {"domain": CANARY},
        {"peaks": f'[{{"name": "{CANARY}"'},
    ],
    ids=["misspelt", "wrong type", "impossible", "two mistakes", "elsewhere as well", "broken list"],
)
def test_messages_about_other_keys_do_not_show_it(overrides: dict[str, str]) -> None:
    with pytest.raises(UserError) as raised:
        evaluate(PROJECT_DIR, "dev", preview=False, overrides={**RELAY, KEY: CANARY, **overrides})
    assert CANARY not in str(raised.value)


def test_it_is_not_shown_when_it_is_itself_given_wrongly() -> None:
    with pytest.raises(UserError) as raised:
        evaluate(PROJECT_DIR, "dev", preview=False, overrides={"smtp-pasword": CANARY, "api-token": CANARY})
    assert "did you mean" in str(raised.value)
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    "failing",
    [
        "raise ValueError(f'{secret} is wrong')",
        "raise pulumi.RunError(f'{secret} is wrong')",
        "raise RuntimeError(repr({'password': secret}))",
        "import sys; sys.exit(f'{secret} is wrong')",
        "pulumi.Output.secret(secret).apply(lambda value: 1 / 0 if not value else int(value))",
    ],
)
def test_errors_of_the_program_do_not_show_it(tmp_path: Path, failing: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        f"name: odoo-retail\nruntime: python\nconfig:\n  {KEY}:\n    type: string\n    default: ''\n"
    )
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    (tmp_path / "__main__.py").write_text(f"import pulumi\nsecret = pulumi.Config().require({KEY!r})\n{failing}\n")
    with pytest.raises(RehearsalError) as raised:
        evaluate(tmp_path, "dev", preview=False, overrides={KEY: CANARY})
    assert CANARY not in str(raised.value)
    assert not any(CANARY in str(cause) for cause in causes(raised.value))


def causes(error: BaseException) -> Iterator[BaseException]:
    """What a log with tracebacks would show of an error: itself and what is chained to it."""
    while error:
        yield error
        following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if following is None:
            return
        error = following
