"""The clock of admission: what it says when. That the API server heeds it is for tests/program/test_admission.py."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.pod_scripts.freeze import over, run, state

LEAD = timedelta(minutes=10)
WINDOWS = [{"name": "christmas", "start": "2026-11-23T00:00:00Z", "end": "2027-01-18T00:00:00Z"}]
PLAN = {
    "namespace": "acme",
    "object": "acme",
    "own_namespace": "change-control",
    "lead_seconds": 600,
    "windows": WINDOWS,
}
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def approval(**changed: Any) -> dict[str, Any]:
    data = {
        "author": "team/ann",
        "approver": "board/olga",
        "objects": "deployments/pos cronjobs/reconciliation",
        "expires": "2026-12-01T18:00:00Z",
        **changed,
    }
    return {"metadata": {"name": "chg-1", "creationTimestamp": "2026-12-01T10:00:00Z"}, "data": data}


@pytest.mark.parametrize(
    ("moment", "frozen"),
    [
        ("2026-11-22T23:49:59", "false"),
        ("2026-11-22T23:50:00", "true"),  # a run may be missed before it begins
        ("2026-11-23T00:00:00", "true"),
        ("2027-01-17T23:59:59", "true"),
        ("2027-01-18T00:00:00", "false"),
    ],
)
def test_a_freeze_begins_early_and_ends_on_time(moment: str, frozen: str) -> None:
    said = state(WINDOWS, [], datetime.fromisoformat(moment).replace(tzinfo=UTC), LEAD)
    assert said["frozen"] == frozen
    assert said["window"] == ("christmas until 2027-01-18T00:00:00Z" if frozen == "true" else "")


def test_approvals_are_lines_of_author_and_object() -> None:
    said = state(WINDOWS, [approval(), approval(objects="jobs/by-hand")], NOW, LEAD)
    lines = ["team/ann cronjobs/reconciliation", "team/ann deployments/pos", "team/ann jobs/by-hand"]
    assert said["approved"].split("\n") == lines
    assert state([], [approval()], NOW, LEAD)["approved"] == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"expires": "2026-12-01T12:00:00Z"},
        {"expires": "2026-12-09T12:00:00Z"},
        {"expires": "2026-12-01T18:00:00"},
        {"expires": "soon"},
        {"approver": "other/ann"},
        {"author": ""},
        {"author": "team/ann\nteam/bob deployments/pos"},
        {"objects": "networkpolicies/default-deny deployments/*"},
    ],
    ids=str,
)
def test_what_admission_would_refuse_counts_for_nothing(changed: dict[str, str]) -> None:
    assert state(WINDOWS, [approval(**changed)], NOW, LEAD)["approved"] == ""


@pytest.mark.parametrize(
    ("role", "annotations", "ended"),
    [
        ("break-glass", {"retail/expires": "2026-12-01T12:00:00Z"}, True),
        ("break-glass", {"retail/expires": "2026-12-01T12:00:01Z"}, False),
        ("break-glass", {"retail/expires": "tomorrow"}, True),
        ("break-glass", {"retail/expires": "2026-12-02T12:00:00"}, True),
        ("break-glass", None, True),
        ("admin", None, False),
    ],
)
def test_emergencies_end(role: str, annotations: dict[str, str] | None, ended: bool) -> None:
    assert over({"roleRef": {"name": role}, "metadata": {"annotations": annotations}}, NOW) is ended


def test_what_can_be_done_is_done_though_the_rest_fails() -> None:
    """Approvals that can't be read are no reason to leave the shop open to change."""
    done: list[tuple[str, str]] = []

    def request(method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        done.append((method, path.partition("?")[0]))
        if method == "GET":
            raise OSError("no answer")
        assert body is not None and body["data"] == {"frozen": "true", "window": body["data"]["window"], "approved": ""}
        return {}

    failures = run(request, PLAN, NOW)
    assert [failure.partition(":")[0] for failure in failures] == ["emergency bindings", "approvals"]
    assert done[-1] == ("PATCH", "/api/v1/namespaces/change-control/configmaps/acme")
