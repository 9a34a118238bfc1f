"""The drill from end to end, against what is played: what it proves, what it refuses, and that it always cleans up."""

import json
from typing import Any

import pytest

from components.pod_scripts.restore_drill.drill import Drill, Expectations
from components.pod_scripts.restore_drill.filestore import Filestore
from components.pod_scripts.restore_drill.report import Report

from .conftest import MANIFEST, START, PlayedClusters, PlayedPostgres, PlayedS3, sha1

GONE = ["delete acme-drill", "create acme-drill", "delete acme-drill"]


def run(
    clusters: PlayedClusters | None = None,
    postgres: PlayedPostgres | None = None,
    s3: PlayedS3 | None = None,
    *,
    database: str = "acme_production",
    timeout_seconds: float = 3600,
) -> Report:
    return Drill(
        api=clusters or PlayedClusters(),
        manifest=MANIFEST,
        connect=(postgres or PlayedPostgres()).connect,
        filestore=Filestore("acme-filestore", "acme-production", s3) if s3 else None,
        expectations=Expectations(
            timeout_seconds=timeout_seconds, allowed_age_seconds=3900, database=database, sample=50
        ),
        now=lambda: START,
    ).run()


def test_a_good_restore_is_proven_and_cleaned_up() -> None:
    clusters, postgres = PlayedClusters(left_over=True), PlayedPostgres()
    content = b"an invoice"
    postgres.attachments = [(7, "filestore://a/b/invoice-7-0.pdf", sha1(content))]
    report = run(clusters, postgres, PlayedS3(("acme-production/a/b/invoice-7-0.pdf", START - 100, content)))
    assert report.failures == []
    assert report.proven
    assert clusters.calls == GONE
    assert report.seconds["restore"] == 20
    assert (report.recovered_to, report.size, report.attachments) == (START - 60, 4096, 1)
    assert report.as_data()["data_age_seconds"] == 60


def test_it_gets_in_with_the_scratch_clusters_own_password_and_closes_what_it_opens() -> None:
    postgres = PlayedPostgres()
    report = run(postgres=postgres)
    assert {host for host, *_ in postgres.opened} == {"acme-drill-rw.acme-production-drill.svc"}
    assert {(user, password) for _, _, user, password in postgres.opened} == {("postgres", "a-password")}
    assert postgres.closed == len(postgres.opened)
    assert "a-password" not in json.dumps(report.as_data())


@pytest.mark.parametrize(
    ("postgres", "failure"),
    [
        (PlayedPostgres(databases=("other",)), "database acme_production is not there"),
        (PlayedPostgres(missing_tables=("ir_module_module",)), "database acme_production is not there"),
        (PlayedPostgres(missing_tables=("res_users", "ir_cron")), "no table ir_cron, res_users"),
        (PlayedPostgres(base_state="to upgrade"), "base module is not installed"),
        (PlayedPostgres(active_users=0), "no user can log in"),
        (PlayedPostgres(newest_commit=START - 3901), "the newest commit is 3901 s old, allowed are 3900 s"),
        (PlayedPostgres(newest_commit=None), "track_commit_timestamp must be on"),
        (PlayedPostgres(fails_on="res_users"), "said no"),
    ],
)
def test_a_restore_without_what_was_promised_is_not_proven(postgres: PlayedPostgres, failure: str) -> None:
    clusters = PlayedClusters()
    report = run(clusters, postgres)
    assert not report.proven
    assert failure in " ".join(report.failures)
    assert clusters.calls == GONE


def test_a_commit_of_the_scratch_cluster_itself_is_no_proof() -> None:
    """The operator sets a password there: that commit is young, and says nothing about the archive."""
    report = run(postgres=PlayedPostgres(newest_commit=START + 30))
    assert report.failures == ["no commit times came back: track_commit_timestamp must be on in the source"]


def test_on_a_platform_whichever_databases_have_odoo_are_looked_into() -> None:
    postgres = PlayedPostgres(databases=("b_training", "a_test"))
    report = run(postgres=postgres, database="")
    assert report.proven
    assert report.databases == ["a_test", "b_training"]
    assert run(postgres=PlayedPostgres(databases=()), database="").proven  # nobody lives there yet


def test_a_restore_that_takes_too_long_fails_and_cleans_up() -> None:
    clusters = PlayedClusters(ready_after=float("inf"))
    report = run(clusters, timeout_seconds=60)
    assert report.failures == ["not ready within 60 s; phase: Setting up"]
    assert clusters.calls == GONE


def test_a_scratch_cluster_that_stays_is_told_beside_what_failed_before() -> None:
    clusters = PlayedClusters(sticky=True, ready_after=float("inf"))
    report = run(clusters, timeout_seconds=60)
    assert [failure.split(" ")[0] for failure in report.failures] == ["not", "acme-drill"]
    assert "is still there 300 s after its deletion" in report.failures[1]


def test_what_is_left_over_and_does_not_go_stops_the_drill() -> None:
    clusters = PlayedClusters(left_over=True, sticky=True)
    report = run(clusters)
    assert not report.proven
    assert "create acme-drill" not in clusters.calls


def test_an_api_server_that_is_away_for_a_moment_does_not_fail_the_drill() -> None:
    clusters = PlayedClusters()

    def away_once() -> None:
        clusters.while_waiting = lambda: None
        raise ConnectionError("away")

    clusters.while_waiting = away_once
    report = run(clusters)
    assert report.proven
    assert report.seconds["restore"] == 30


@pytest.mark.parametrize("moment", [0, 1, 2])
def test_an_interruption_at_any_moment_cleans_up_and_goes_on(moment: int) -> None:
    """SIGTERM comes as SystemExit: nothing may swallow it, and the scratch cluster must go first."""
    clusters = PlayedClusters()
    passed = [0]

    def interrupted() -> None:
        passed[0] += 1
        if passed[0] > moment:
            clusters.while_waiting = lambda: None
            raise SystemExit("ended by SIGTERM")

    clusters.while_waiting = interrupted
    with pytest.raises(SystemExit):
        run(clusters)
    assert clusters.calls == GONE
    assert not clusters.there


def attachments(*rows: tuple[int, str, str]) -> PlayedPostgres:
    return PlayedPostgres(attachments=list(rows))


@pytest.mark.parametrize(
    ("versions", "failure"),
    [
        ([], "attachment 7 has no object acme-production/x"),
        ([("acme-production/x", START - 100, b"damaged")], "has another checksum"),
        ([("acme-production/x-2", START - 100, b"right")], "has no object"),
        ([("acme-production/x", START - 100, b"right")], ""),
        # Overwritten or deleted since: what was there at the time is what a restore needs.
        ([("acme-production/x", START - 100, b"right"), ("acme-production/x", START - 10, b"newer")], ""),
        ([("acme-production/x", START - 300, b"older"), ("acme-production/x", START - 100, b"right")], ""),
        # The clock of S3 is a little ahead.
        ([("acme-production/x", START - 59, b"right")], ""),
    ],
)
def test_attachments_are_those_that_the_database_names(versions: list[Any], failure: str) -> None:
    report = run(postgres=attachments((7, "filestore://x", sha1(b"right"))), s3=PlayedS3(*versions))
    if failure:
        assert [failure in told for told in report.failures] == [True]
    else:
        assert report.failures == []
        assert report.attachments == 1


def test_every_damaged_attachment_is_told() -> None:
    rows = [(number, f"filestore://{number}", sha1(b"right")) for number in range(3)]
    report = run(postgres=attachments(*rows), s3=PlayedS3(("acme-production/1", START - 100, b"right")))
    assert len(report.failures) == 2
