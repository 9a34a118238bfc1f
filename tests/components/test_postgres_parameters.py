"""PostgreSQL's settings: what must not fill a volume, end a LISTEN, or write customers' names into logs."""

from collections.abc import Callable

import pytest

from components.postgres_parameters import postgres_parameters
from retail.plan import Plan

MakePlan = Callable[..., Plan]

# What CloudNativePG 1.30 sets itself and refuses from others (pkg/postgres/configuration.go), as far as it is tempting.
FIXED = {"archive_mode", "archive_command", "shared_preload_libraries", "ssl", "port", "synchronous_standby_names"}


@pytest.fixture(scope="module")
def parameters(make_test_plan: MakePlan) -> dict[str, str]:
    plan = make_test_plan()
    assert plan.database is not None
    return postgres_parameters(plan.database, plan.objectives)


def test_wal_can_not_fill_its_volume_for_a_standby(parameters: dict[str, str], make_test_plan: MakePlan) -> None:
    plan = make_test_plan()
    assert plan.database is not None
    mib = {key: int(value.removesuffix("MB")) for key, value in parameters.items() if value.endswith("MB")}
    assert mib["max_slot_wal_keep_size"] + mib["max_wal_size"] < plan.database.wal_storage_gib * 1024
    assert mib["shared_buffers"] < plan.database.memory_mib < 4 * mib["shared_buffers"] + 4096
    assert int(parameters["archive_timeout"].removesuffix("s")) <= plan.objectives.region_rpo_seconds


def test_statements_end_and_listens_do_not(parameters: dict[str, str]) -> None:
    assert {"statement_timeout", "idle_in_transaction_session_timeout", "tcp_user_timeout"} <= parameters.keys()
    assert "idle_session_timeout" not in parameters


def test_the_operator_loads_the_libraries_by_their_settings(parameters: dict[str, str]) -> None:
    assert {"pgaudit", "pg_stat_statements", "auto_explain"} <= {key.partition(".")[0] for key in parameters}
    assert not FIXED & parameters.keys()


def test_no_values_of_statements_are_logged(parameters: dict[str, str]) -> None:
    assert parameters["auto_explain.log_parameter_max_length"] == "0"
    assert parameters["log_parameter_max_length"] == parameters["log_parameter_max_length_on_error"] == "0"
    assert parameters["pgaudit.log_parameter"] == "off"
    # psycopg2 puts values into the text itself.
    assert (parameters["log_min_duration_statement"], parameters["log_min_error_statement"]) == ("-1", "panic")
    assert float(parameters["auto_explain.sample_rate"]) < 1


def test_the_audit_log_tells_of_structure_and_rights(parameters: dict[str, str]) -> None:
    assert set(parameters["pgaudit.log"].split(", ")) == {"ddl", "role"}


def test_the_season_changes_none_of_it(make_test_plan: MakePlan) -> None:
    peak = {"name": "peak", "start": "2026-11-20T00:00", "end": "2026-11-30T00:00", "factor": 3}
    normal, season = (make_test_plan(peaks=[peak], season=season) for season in ("normal", "peak"))
    assert normal.database is not None and season.database is not None
    assert normal.tiers != season.tiers
    assert postgres_parameters(normal.database, normal.objectives) == postgres_parameters(
        season.database, season.objectives
    )
