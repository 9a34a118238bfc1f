"""Rotations, against servers that behave as the real ones: what they change, in which order, and cut off anywhere."""

from typing import Any

import pytest

from components.pod_scripts.rotation_clients import Database
from tests.components.pod_scripts.rotation_world import KEDA, OWN, OWNER, READONLY, SHARED, A, B, Killed, Refused, World

PATIENCE = 900


def steps(made: World) -> list[str]:
    return [event["step"] for event in made.events if "rotated" not in event]


def passwords(made: World) -> dict[str, str]:
    return {
        secret: value.get("password") or value["admin_passwd"]
        for secret in made.versions
        if (value := made.value(secret))
    }


def test_the_idle_role_takes_over_and_the_former_one_stays_valid() -> None:
    made = World()
    assert made.rotate() == 0
    assert made.value("app") == made.value("b") == {"username": B, "password": made.roles[B]}
    assert made.roles[A] == "first-of-acme_a"
    assert made.copies[f"{OWN}/odoo-pos"]["data"]["app"] == made.value("app")
    assert made.pods_can_work() and not made.journal


def test_the_roles_take_turns() -> None:
    made = World()
    in_use = []
    for _ in range(3):
        in_use.append((made.value("app") or {})["username"])
        assert made.rotate() == 0
        assert made.pods_can_work()
        made.restart_pods()
    assert in_use == [A, B, A]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("managed", [False, True])
def test_every_password_is_another_afterwards(shared: bool, managed: bool) -> None:
    made = World(shared=shared, managed=managed)
    before = passwords(made)
    assert made.rotate() == 0
    after = passwords(made)
    unchanged = {secret for secret in before if before[secret] == after[secret]}
    assert unchanged == (set() if shared else {"a"})  # the former role, until the next run
    for path, found in made.copies.items():
        assert all(value == made.value(secret) for secret, value in found["data"].items()), path


def test_the_session_store_takes_the_former_token_too() -> None:
    made = World()
    assert made.rotate() == 0
    assert made.tokens == ["first-of-redis", passwords(made)["redis"]]
    made.restart_pods()
    assert made.rotate() == 0
    assert "first-of-redis" not in made.tokens and len(made.tokens) == 2


def test_a_session_store_that_is_being_changed_is_waited_for() -> None:
    made = World()
    made.modifying = 5  # a failover, or the maintenance window
    assert made.rotate() == 0
    assert len(made.tokens) == 2


def test_nothing_that_users_see_changes_before_everything_is_proven() -> None:
    made = World()
    made.rotate()
    order = steps(made)
    assert order.index(f"log in as {B}") < order.index("tell Odoo the new credentials")
    assert order.index("add a token to the session store") < order.index("tell Odoo the new credentials")
    assert order[-2:] == ["hand the new passwords to the pods", "finish"]


@pytest.mark.parametrize("kill_after", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_killed_at_any_call_nobody_is_locked_out_and_the_next_run_finishes(shared: bool, kill_after: bool) -> None:
    whole = World(shared=shared)
    whole.rotate()
    assert whole.calls > 40
    for number in range(1, whole.calls + 1):
        made = World(shared=shared)
        made.kill_at, made.kill_after = number, kill_after
        with pytest.raises(Killed):
            made.rotate()
        if not shared:
            assert made.pods_can_work(), f"killed at call {number}, after {made.events[-1]}"
        for path in made.copies:  # External Secrets fetches by itself, every 15 minutes, in any order
            made.sync(path)
        assert made.pods_can_work() or shared, number
        made.kill_at = 0
        over = bool(made.calls == whole.calls and kill_after)
        assert made.rotate() == (1 if over and not shared else 0), (number, made.events[-1])
        assert made.pods_can_work() or shared, number
        assert not made.journal
        assert len(made.tokens) == 2 and passwords(made)["redis"] == made.tokens[-1]
        app = made.value("app") or {}
        assert made.roles[app["username"]] == app["password"]
        if not shared:
            assert app["username"] == B, f"killed at call {number}: the second run began another rotation"


def test_a_second_run_at_the_same_time_changes_nothing() -> None:
    made = World()
    made.locks.append(object())
    before = passwords(made)
    assert made.rotate() == 1
    assert made.events[-1] == {
        "rotated": False,
        "step": "take the lock",
        "reason": "Failed: another rotation is under way",
    }
    assert passwords(made) == before and not made.journal


def test_a_role_that_is_still_used_is_left_alone() -> None:
    """A pod without the reloader's annotation, or a second run before the pods have restarted."""
    made = World()
    assert made.rotate() == 0
    before = passwords(made)
    assert made.rotate() == 1  # pods of the first credentials are still there
    assert made.events[-1]["step"] == f"see that nobody uses {A}"
    assert "1 sessions" in made.events[-1]["reason"]
    assert passwords(made) == before and made.pods_can_work()


def test_a_role_that_would_not_act_as_the_owner_is_never_handed_out() -> None:
    made = World()
    made.acts_as = B
    assert made.rotate() == 1
    assert made.events[-1]["step"] == f"log in as {B}" and OWNER in made.events[-1]["reason"]
    assert (made.value("app") or {})["username"] == A and made.pods_can_work()


@pytest.mark.parametrize("stuck", ["b", "readonly", "keda"])
def test_a_copy_that_does_not_come_stops_the_run_before_users_see_anything(stuck: str) -> None:
    made = World()
    made.refuses_to_copy = {stuck}
    assert made.rotate() == 1
    assert stuck in made.events[-1]["reason"] and f"{PATIENCE} s" in made.events[-1]["reason"]
    assert (made.value("app") or {})["username"] == A and made.pods_can_work()
    made.refuses_to_copy = set()
    assert made.rotate() == 0
    assert (made.value("app") or {})["username"] == B


@pytest.mark.parametrize(("shared", "secret", "role"), [(True, "app", OWNER), (False, "readonly", READONLY)])
def test_a_password_that_postgresql_does_not_take_is_withdrawn(shared: bool, secret: str, role: str) -> None:
    made = World(shared=shared)
    kept = made.roles[role]
    if not shared:  # the idle role's is taken: the operator breaks after that
        sync = made.sync

        def breaks(path: str) -> None:
            sync(path)
            made.operator_works = not path.endswith("/b")

        made.sync = breaks  # type: ignore[method-assign]  # the operator breaks in the middle
    else:
        made.operator_works = False
    assert made.rotate() == 1
    assert made.events[-1]["step"] == f"replace the password of {role}"
    assert (made.value(secret) or {})["password"] == kept == made.roles[role]
    assert made.copies[SHARED if shared else f"{OWN}/{secret}"]["data"][secret]["password"] == kept
    assert made.value(secret, "AWSPENDING") is None and made.pods_can_work()


def test_no_password_is_ever_printed() -> None:
    """Servers may repeat what they were given in their errors."""
    made = World(shared=True)
    made.operator_works = False
    made.rotate()
    whole = World()
    whole.rotate()
    known = {text for each in (made, whole) for versions in each.versions.values() for text, _ in versions.values()}
    seen = [password for text in known for password in text.split('"') if len(password) > 13 or "first" in password]
    printed = str(made.events) + str(whole.events)
    assert seen and not [password for password in seen if password in printed]

    hostile = World()
    hostile.log_in_to_store = lambda token: (_ for _ in ()).throw(RuntimeError(f"AUTH {token}"))  # type: ignore[method-assign]  # an error that repeats what it got
    assert hostile.rotate() == 1
    assert hostile.events[-1]["reason"] == "RuntimeError: AUTH ***"


def test_a_role_at_its_limit_has_been_let_in_first() -> None:
    def connect(**_: str) -> Any:
        raise Refused(f'FATAL:  too many connections for role "{KEDA}"')

    assert Database(connect, Refused).acting_as({"username": KEDA, "password": "x"}) == KEDA


def test_the_kubernetes_api_may_be_away_for_a_moment() -> None:
    made = World()
    answer, away = made.kubernetes, [3]

    def flaky(method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        if method == "GET" and path.endswith("/b") and away[0]:
            away[0] -= 1
            raise ConnectionError("503 Service Unavailable")
        return answer(method, path, body)

    made.kubernetes = flaky  # type: ignore[method-assign]  # EKS replaces a server
    assert made.rotate() == 0 and not away[0]
