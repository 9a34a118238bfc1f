import json
from datetime import date
from pathlib import Path

import pytest
import yaml

from retail.configuration import parse_settings
from retail.schema import config_block
from retail.settings import Hosting, Settings, SettingsError

PROJECT = Path(__file__).parents[2]
VALID = {
    "retailer": "acme",
    "domain": "acme.example",
    "account": "1" * 12,
    "backup-account": "2" * 12,
    "image": "registry.example/odoo@sha256:" + "0" * 64,
}
SHARED = {"hosting": "shared", "platform_stack": "organization/odoo-retail/platform"}
HOURS = "mon-fri 07:00-20:00"
SELLING = {"process": "selling", "rpo-seconds": 0, "rto-seconds": 120}
BLACK_FRIDAY = {"name": "black-friday", "start": "2026-11-27T00:00", "end": "2026-11-30T00:00", "factor": 3}


def mistakes(**changes: object) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings(VALID | {key.replace("_", "-"): value for key, value in changes.items()}, stack="test")
    return str(caught.value)


def test_valid_text_is_parsed_as_pulumi_hands_it_over() -> None:
    settings = parse_settings(VALID | {"stores": "12", "peaks": json.dumps([BLACK_FRIDAY])}, stack="test")
    assert settings.stores == 12
    assert settings.peak_factor == 3


def test_a_day_without_quotes_is_the_day() -> None:
    """YAML makes a moment of it, and the CLI hands on Go's text of that."""
    unquoted = "2026-11-07 00:00:00 +0000 UTC"
    peak = BLACK_FRIDAY | {"rehearsed": unquoted}
    settings = parse_settings(VALID | {"access-review-due": unquoted, "peaks": json.dumps([peak])}, stack="test")
    assert settings.access_review_due == settings.peaks[0].rehearsed == date(2026, 11, 7)


def test_settings_are_frozen() -> None:
    settings = parse_settings(VALID, stack="test")
    with pytest.raises(ValueError, match="frozen"):
        settings.__setattr__("stores", 3)


def test_every_mistake_is_in_one_message() -> None:
    message = mistakes(stores="many", storess="3", season="peak", account="12")
    for part in ("4 mistake(s)", "stores: ", "given 'many'", "did you mean stores?", "season: ", "account: "):
        assert part in message


def test_missing_keys_are_named() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings({}, stack="test")
    for key in ("retailer", "domain", "account", "backup-account", "image"):
        assert f"{key}: must be set" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"stores": -1}, "stores: "),
        ({"stores": 1_000_000}, "stores: "),
        ({"pos_terminals": "1.5"}, "pos-terminals: "),
        ({"target_utilisation_percent": 100}, "target-utilisation-percent: "),
        ({"retailer": "a--b"}, "retailer: "),
        ({"retailer": "a" * 25}, "retailer: "),
        ({"retailer": "pg-shop"}, "retailer: must not begin with pg-"),
        ({"season": "summer"}, "season: "),
        ({"hosting": "shared"}, "platform-stack: must be set"),
        ({"platform_stack": "a/b/c"}, "platform-stack: must be left out"),
        ({"image": "odoo:19"}, "image: "),
        ({"time_zone": "Europe/Pari"}, "did you mean Europe/Paris?"),
        ({"recovery_region": "eu-central-1"}, "recovery-region: must be another region"),
        ({"vpc_cidr": "10.0.0.0/20"}, "vpc-cidr: "),
        ({"environment": "production", "objective_class": "bronze"}, "objective-class: bronze"),
        ({"environment": "production", "objective_class": "gold", "backup_account": "1" * 12}, "backup-account: "),
        ({"hosting": "shared", "platform_stack": "a/b/c", "objective_class": "gold"}, "objective-class: gold"),
        (
            {"environment": "production", "objective_class": "silver", "pos_terminals": 60, **SHARED},
            "hosting: shared is for units of low criticality, and in production the retailer sells through it"
            " (pos-terminals 60); use segmented or dedicated",
        ),
        (
            {"objective_class": "silver", "process_objectives": [SELLING]},
            "process-objectives: selling demands RPO 0 s, which is 300 s less than 300 s",
        ),
        ({"objective_class": "silver", "process_objectives": [SELLING]}, "use gold"),
        ({"objective_class": "gold", "process_objectives": [SELLING | {"rto-seconds": 1}]}, "no class gives that"),
        (
            {"objective_class": "gold", "process_objectives": [SELLING | {"region-rpo-seconds": 60}]},
            "selling demands region RPO 60 s, which is 240 s less than 300 s (WAL leaves the region every 300 s",
        ),
        ({"process_objectives": [SELLING | {"rpo-seconds": -1}]}, "process-objectives.0.rpo-seconds: "),
        ({"process_objectives": [SELLING | {"rpo": 3}]}, "process-objectives.0.rpo: "),
        ({"regulated": "true", **SHARED}, "hosting: shared puts the retailer's data beside others'"),
        ({"expires": "soon"}, "expires: "),
        (
            {"peaks": [BLACK_FRIDAY | {"start": "2026-11-27 18:00:00 +0000 UTC"}]},
            "peaks.0.start: local time as 2026-11-27T18:00, or in quotes: YAML reads this as UTC",
        ),
        ({"expires": "2026-12-31", "environment": "production"}, "expires: must be left out in production"),
        ({"allowed_regions": ["eu-central-1"]}, "recovery-region: eu-west-1 is not in allowed-regions (eu-central-1)"),
        (
            {"objective_class": "gold", "database_gib": 400},
            "restore-gib-per-minute: 400 GiB at 7 GiB/min and 600 s beside it take 4029 s; gold promises 3600 s",
        ),
        ({"working_hours": "07:00-20:00"}, "working-hours: must be days and hours, as mon-fri 07:00-20:00; given"),
        (
            {"working_hours": HOURS, "environment": "production", "objective_class": "silver"},
            "working-hours: must be left out in production",
        ),
        (
            {"working_hours": HOURS, "objective_class": "silver"},
            "working-hours: must be left out where objective",
        ),
        (
            {"working_hours": HOURS, "hosting": "platform", "retailer": "test"},
            "working-hours: must be left out where hosting is platform",
        ),
        ({"peaks": "not json"}, "peaks: not a list"),
        ({"spot_pools": ["shop"]}, "spot-pools.0: "),
        ({"avoid_zone": "eu-west-1a"}, "avoid-zone: must be one of eu-central-1a, eu-central-1b, eu-central-1c"),
        ({"peaks": [BLACK_FRIDAY | {"end": "2026-11-26T00:00"}]}, "before it begins"),
        ({"peaks": [BLACK_FRIDAY | {"end": BLACK_FRIDAY["start"]}]}, "before it begins"),
        ({"peaks": [BLACK_FRIDAY | {"start": "2026-11-27T00:00+01:00"}]}, "local times"),
        ({"peaks": [BLACK_FRIDAY | {"factor": 0.5}]}, "peaks.0.factor: "),
        ({"peaks": [BLACK_FRIDAY | {"rehearsed": "2026-11-28"}]}, "after it has begun"),
        ({"peaks": [BLACK_FRIDAY, BLACK_FRIDAY | {"name": "cyber"}]}, "black-friday and cyber overlap"),
    ],
)
def test_a_mistake_names_its_key(changes: dict[str, object], part: str) -> None:
    assert part in mistakes(**changes)


def test_low_criticality_may_be_production_on_shared_hosting() -> None:
    changes = {"environment": "production", "objective-class": "silver", "back-office-users": 20}
    shared = {key.replace("_", "-"): value for key, value in SHARED.items()}
    assert parse_settings(VALID | changes | shared, stack="test").hosting is Hosting.SHARED


def test_the_season_ends_with_the_calendar() -> None:
    freeze = {"name": "year-end", "start": "2026-11-23T00:00", "end": "2027-01-18T00:00"}
    settings = parse_settings(VALID | {"peaks": [BLACK_FRIDAY], "freezes": [freeze]}, stack="test")
    assert settings.season_ends == "2027-01-18"
    assert parse_settings(VALID, stack="test").season_ends == ""


def test_demands_that_the_class_meets_are_accepted() -> None:
    demands = [
        SELLING,
        {"process": "reporting", "rpo-seconds": 86400, "rto-seconds": 86400, "region-rto-seconds": 3600},
    ]
    settings = parse_settings(VALID | {"objective-class": "gold", "process-objectives": json.dumps(demands)}, stack="t")
    assert [demand.process for demand in settings.process_objectives] == ["selling", "reporting"]


def test_pulumi_yaml_declares_exactly_these_keys() -> None:
    declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    foreign = {key: declared.pop(key) for key in list(declared) if ":" in key}
    assert foreign == {"pulumi:disable-default-providers": {"value": ["aws", "kubernetes", "random"]}}
    assert declared == json.loads(json.dumps(config_block())), (
        "run `python -m retail.schema` and put it into Pulumi.yaml"
    )


def test_every_key_has_type_description_and_default() -> None:
    for key, entry in config_block().items():
        assert {"type", "description", "default"} <= set(entry), key
        assert len(entry["description"]) > 10, key


@pytest.mark.parametrize("stack", sorted(path.name.split(".")[1] for path in PROJECT.glob("Pulumi.*.yaml")))
def test_shipped_stacks_are_valid(stack: str) -> None:
    config = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    settings = parse_settings({key.removeprefix("odoo-retail:"): value for key, value in config.items()}, stack=stack)
    assert isinstance(settings, Settings)


RELAY = {"smtp_host": "mail.example.com", "smtp_user": "shop", "smtp_password": "canary-3e1f"}


def test_a_whole_mail_relay_is_accepted() -> None:
    settings = parse_settings(VALID | {key.replace("_", "-"): value for key, value in RELAY.items()}, stack="test")
    assert (settings.smtp_host, settings.smtp_port, settings.smtp_user) == ("mail.example.com", 587, "shop")
    assert "canary" not in repr(settings)


@pytest.mark.parametrize("missing", list(RELAY))
def test_half_a_mail_relay_is_refused(missing: str) -> None:
    given = {key: value for key, value in RELAY.items() if key != missing}
    message = mistakes(**given)
    others = " and ".join(key.replace("_", "-") for key in given)
    assert f"{missing.replace('_', '-')}: must be set beside {others}" in message
    assert "canary" not in message


def test_a_mail_port_that_odoo_conf_can_not_speak_to_is_refused() -> None:
    assert "smtp-port: 465 speaks TLS from the first byte" in mistakes(**RELAY, smtp_port=465)


def test_a_platform_sends_no_mail() -> None:
    assert "smtp-host: must be left out where hosting is platform" in mistakes(
        hosting="platform", retailer="test", image="", **RELAY
    )


def test_freezes_that_leave_no_day_for_rotation_are_refused_with_the_dates() -> None:
    refusal = mistakes(freezes=[{"name": "summer", "start": "2026-05-01T00:00", "end": "2026-09-15T00:00"}])
    assert "freezes: leave passwords 138 days without rotation, from 30 Apr to 15 Sep" in refusal
    assert "summer (01 May to 15 Sep)" in refusal


def test_a_platform_needs_an_image_too() -> None:
    assert "image: must be set" in mistakes(hosting="platform", retailer="test", image="")
