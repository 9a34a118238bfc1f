from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.crds.strict_schema import Problem, StrictSchema, path_text
from rehearsal.engine.model import UNKNOWN, Secret

SCHEMA = StrictSchema(
    {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z]+$"},
            "mode": {"enum": ["session", "transaction"]},
            "replicas": {"type": "integer", "minimum": 1, "format": "int32"},
            "either": {"anyOf": [{"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}]},
            "ports": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string"}}},
            },
            "free": {"type": "object", "additionalProperties": {"type": "string"}},
            "at": {"type": "string", "format": "date-time"},
        },
    }
)


@pytest.mark.parametrize(
    ("manifest", "path", "words"),
    [
        ({}, "", "name is missing"),
        ({"name": "shop", "replica": 1}, "", "unknown field replica (did you mean replicas?)"),
        ({"name": "shop", "zzz": 1}, "", "unknown field zzz; known: at, either"),
        ({"name": 5}, "name", "5 is given, allowed: a text"),
        ({"name": "Shop"}, "name", '"Shop" is given, allowed: what matches ^[a-z]+$'),
        ({"name": "shop", "mode": "sesion"}, "mode", '"sesion" is given, allowed: session, transaction'),
        ({"name": "shop", "replicas": 0}, "replicas", "0 is given, allowed: 1 or more"),
        ({"name": "shop", "replicas": 2**31}, "replicas", "2147483648 is given, allowed: a valid int32"),
        ({"name": "shop", "replicas": True}, "replicas", "true is given, allowed: a whole number"),
        ({"name": "shop", "ports": [{"name": "a"}, {"name": "a"}]}, "ports", "name a is listed twice"),
        ({"name": "shop", "free": {"a.b": {}}}, 'free["a.b"]', "an object is given, allowed: a text"),
        ({"name": "shop", "at": "2026-11-22"}, "at", '"2026-11-22" is given, allowed: a valid date-time'),
    ],
)
def test_problems_say_where_what_and_what_is_allowed(manifest: dict[str, Any], path: str, words: str) -> None:
    (problem,) = SCHEMA.problems(manifest)
    assert problem.path == path
    assert words in problem.message


def test_all_problems_come_at_once() -> None:
    assert [problem.path for problem in SCHEMA.problems({"mode": "x", "replicas": 0})] == ["", "mode", "replicas"]


@pytest.mark.parametrize(
    "manifest",
    [
        {"name": UNKNOWN},
        {"name": "shop", "mode": UNKNOWN, "replicas": UNKNOWN, "ports": UNKNOWN, "free": {"a": UNKNOWN}},
        {"name": "shop", "either": {"a": UNKNOWN}},
        {"name": "shop", "ports": [{"name": UNKNOWN}, {"name": UNKNOWN}]},
        {"name": Secret(UNKNOWN)},
        UNKNOWN,
    ],
)
def test_what_only_a_deployment_tells_is_accepted(manifest: Any) -> None:
    assert SCHEMA.problems(manifest) == []


def test_what_is_known_beside_it_is_not() -> None:
    assert len(SCHEMA.problems({"name": UNKNOWN, "mode": "x"})) == 1
    assert len(SCHEMA.problems({"name": "shop", "either": {"b": UNKNOWN}})) == 1


@given(st.text(min_size=8).filter(lambda text: not text.islower()), st.sampled_from(["name", "mode", "at"]))
def test_secret_values_are_checked_and_never_shown(canary: str, field: str) -> None:
    (problem,) = SCHEMA.problems({"name": "shop"} | {field: Secret(canary)})
    assert problem.path == field
    assert canary not in problem.message


def test_nothing_inside_a_secret_object_is_shown() -> None:
    (problem,) = SCHEMA.problems({"name": "shop", "ports": Secret([{"name": 17171717}])})
    assert problem == Problem("ports[0].name", "[secret] is given, allowed: a text")
    (problem,) = SCHEMA.problems(Secret({"name": "shop", "hunter2": 1}))
    assert "hunter2" not in problem.message


def test_long_values_are_cut() -> None:
    (problem,) = SCHEMA.problems({"name": "X" * 5000})
    assert len(problem.message) < 200


def test_paths() -> None:
    assert path_text(["spec", "ports", 0, "name"]) == "spec.ports[0].name"
    assert path_text(["metadata", "labels", "retail/tier"]) == 'metadata.labels["retail/tier"]'
