"""What the retailer asked for: the only reader of pulumi.Config.

`read_settings` turns a stack's flat configuration into one frozen, validated object, or stops the program with every
mistake in one message. `Pulumi.yaml` declares the same keys to the pulumi CLI; a test holds the two equal.
"""

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import pulumi
from pulumi.runtime.config import get_config_env, is_config_secret
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from retail import spot
from retail.naming import RESERVED_PREFIXES, SLUG_LENGTH, SLUG_PATTERN, Identity, Pool
from retail.objectives import OBJECTIVES, RESTORE_OVERHEAD_SECONDS, ObjectiveClass, restore_seconds
from retail.peaks import Peak, Window, overlapping
from retail.process_objectives import ProcessObjectives, classes_that_meet
from retail.rotation import NoRotationDay, rotation_schedule

PROJECT = "odoo-retail"

IMAGE_PATTERN = r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$"
ACCOUNT_PATTERN = r"^[0-9]{12}$"
REGION_PATTERN = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
DOMAIN_PATTERN = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$"
CIDR_PATTERN = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$"
MAX_WINDOWS = 24
"""Of peaks, and of freezes: each becomes a disruption budget of the node pools, of which Karpenter takes 50, with the
usual one (NodePool CRD, `maxItems`)."""
SECRET_KEYS = {
    "smtp-password": "Password at the mail relay, beside smtp-user; set it with `pulumi config set --secret`.",
}
"""Configuration that is secret: kept out of the model, so that no message or repr of it can show a value."""


IMPLICIT_TLS_PORT = 465
"""SMTP over TLS. Odoo has that for mail servers kept in its database only: `smtp_ssl` of odoo.conf means STARTTLS
(odoo/tools/config.py of both series)."""

LISTS = (
    "endpoint_cidrs",
    "staff_cidrs",
    "api_cidrs",
    "allowed_regions",
    "spot_pools",
    "peaks",
    "freezes",
    "process_objectives",
)
"""Fields that pulumi hands over as JSON text."""


class Hosting(StrEnum):
    """Who owns the cluster, the database and the edge that a stack uses (docs/architecture.md, hosting models)."""

    PLATFORM = "platform"
    SHARED = "shared"
    SEGMENTED = "segmented"
    DEDICATED = "dedicated"

    @property
    def owns_cluster(self) -> bool:
        return self in (Hosting.PLATFORM, Hosting.DEDICATED)

    @property
    def serves_retailer(self) -> bool:
        return self is not Hosting.PLATFORM

    @property
    def owns_database(self) -> bool:
        """Also whether it has its own node pools and its own Traefik: the three come together."""
        return self is not Hosting.SHARED


class Environment(StrEnum):
    DEVELOPMENT = "development"
    TEST = "test"
    TRAINING = "training"
    STAGING = "staging"
    PRODUCTION = "production"


class SettingsError(pulumi.RunError):
    """The configuration can't be used. The message holds every mistake; the pulumi CLI shows it without a traceback."""


def _key(field: str) -> str:
    return field.replace("_", "-")


class Settings(BaseModel):
    """One stack's configuration. A key is the field's name with hyphens; requests are Odoo's own, after any CDN."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_key, validate_default=True)

    # Who and where
    retailer: str = Field(
        "",
        pattern=SLUG_PATTERN,
        min_length=SLUG_LENGTH[0],
        max_length=SLUG_LENGTH[1],
        description="Short name of the retailer (or of the platform): a-z, 0-9, hyphens. Must be set.",
    )
    environment: Environment = Field(Environment.DEVELOPMENT, description="What the stack is for.")
    hosting: Hosting = Field(Hosting.DEDICATED, description="Who owns the cluster, the database and the edge.")
    platform_stack: str = Field(
        "",
        description="The platform's stack, organization/project/stack. Only where hosting is shared or segmented.",
    )
    objective_class: ObjectiveClass = Field(
        ObjectiveClass.BRONZE, description="Recovery objectives: gold (RPO 0, RTO 2 min), silver or bronze."
    )
    process_objectives: tuple[ProcessObjectives, ...] = Field(
        (),
        description="What business processes demand: process, rpo-seconds, rto-seconds, and of the region optionally.",
    )
    domain: str = Field(
        "",
        pattern=DOMAIN_PATTERN,
        description="The retailer's domain; shop., erp., pos. and api. are served under it. Must be set.",
    )
    odoo_version: Literal["18", "19"] = Field("19", description="Odoo series of the image.")
    image: str = Field(
        "",
        pattern=f"^$|{IMAGE_PATTERN}",
        description="The retailer's or group's own Odoo image, by digest; drills and rotation run in it. Must be set.",
    )

    regulated: bool = Field(
        False, description="Whether law or contract forbids sharing a database with others (fiscal data, health)."
    )

    # AWS
    region: str = Field("eu-central-1", pattern=REGION_PATTERN, description="AWS region of the workload.")
    recovery_region: str = Field("eu-west-1", pattern=REGION_PATTERN, description="AWS region of the backup copies.")
    account: str = Field(
        "", pattern=ACCOUNT_PATTERN, description="AWS account of the workload, 12 digits. Must be set."
    )
    backup_account: str = Field(
        "",
        pattern=ACCOUNT_PATTERN,
        description="AWS account of the backup copies, another one in production. Must be set.",
    )
    allowed_regions: tuple[Annotated[str, Field(pattern=REGION_PATTERN)], ...] = Field(
        (), description="Regions that data may be in, by contract; region and recovery-region where empty."
    )
    expires: date | None = Field(
        None, description="Day on which a stack that is not production should be gone (YYYY-MM-DD)."
    )
    granted_vcpus: int = Field(
        0, ge=0, description="Quota of the account: running on-demand standard vCPUs (L-1216C47A); 0 where not known."
    )
    granted_elastic_ips: int = Field(5, ge=0, description="Quota of the account: Elastic IPs (L-0263D0A3).")
    vpc_cidr: str = Field(
        "10.20.0.0/16", pattern=r"^([0-9]{1,3}\.){2}0\.0/16$", description="Address range of the VPC, a /16."
    )
    endpoint_cidrs: tuple[Annotated[str, Field(pattern=CIDR_PATTERN)], ...] = Field(
        (), description="Who may reach the Kubernetes API from outside; nobody where empty (private endpoint only)."
    )
    staff_cidrs: tuple[Annotated[str, Field(pattern=CIDR_PATTERN)], ...] = Field(
        (), description="Where staff work from: the only ranges that reach the back office; from anywhere where empty."
    )
    api_cidrs: tuple[Annotated[str, Field(pattern=CIDR_PATTERN)], ...] = Field(
        (), description="Where partners call from: the only ranges that reach RPC; from anywhere where empty."
    )

    platform_team_role: str = Field("platform-team", description="IAM role (name) that administers the cluster.")
    application_team_role: str = Field(
        "application-team",
        description="IAM role (name) of the retailer's own team, which looks, restarts and runs jobs. Nobody else's.",
    )
    break_glass_role: str = Field(
        "break-glass", description="IAM role (name) for emergencies; without rights of its own."
    )
    access_review_due: date | None = Field(
        None, description="Day by which every way into the cluster is to be reviewed (YYYY-MM-DD)."
    )

    # Outgoing mail
    smtp_host: str = Field(
        "",
        pattern=f"^$|{DOMAIN_PATTERN}",
        description="Outgoing mail relay, a public name. Where it is empty no tier can send mail.",
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail relay; it must offer STARTTLS there.")
    smtp_user: str = Field("", pattern=r"^[!-~]*$", description="User at the mail relay.")

    # Business load, in an ordinary busy hour
    season: Literal["normal", "peak"] = Field(
        "normal", description="The one switch: peak multiplies the load by the calendar's factor."
    )
    stores: int = Field(0, ge=0, le=5000, description="Shops, each with its own closing and replenishment jobs.")
    pos_terminals: int = Field(0, ge=0, le=50000, description="Tills that work at the same time.")
    pos_requests_per_terminal_per_minute: int = Field(
        2, ge=1, le=120, description="Requests of one busy till (measured)."
    )
    back_office_users: int = Field(0, ge=0, le=20000, description="Staff who work in Odoo at the same time.")
    storefront_requests_per_second: int = Field(0, ge=0, le=5000, description="eCommerce requests that reach Odoo.")
    orders_per_hour: int = Field(0, ge=0, le=1_000_000, description="Orders of all channels.")
    integration_requests_per_order: int = Field(
        4, ge=0, le=100, description="Webhooks and API calls per order (measured)."
    )
    jobs_per_order: int = Field(3, ge=0, le=100, description="Queued jobs per order (measured).")
    database_gib: int = Field(10, ge=1, le=16000, description="Size of the database today.")
    filestore_gib: int = Field(10, ge=1, le=100_000, description="Size of the attachments today.")

    # Measured by the retailer: mean time that a worker is busy with one request
    storefront_service_time_ms: int = Field(
        290, ge=5, le=60000, description="Mean service time of a shop request (measured)."
    )
    backoffice_service_time_ms: int = Field(
        400, ge=5, le=60000, description="Mean service time of a staff request (measured)."
    )
    pos_service_time_ms: int = Field(250, ge=5, le=60000, description="Mean service time of a till request (measured).")
    integration_service_time_ms: int = Field(
        300, ge=5, le=60000, description="Mean service time of an API request (measured)."
    )
    job_duration_ms: int = Field(1500, ge=5, le=3_600_000, description="Mean duration of a queued job (measured).")
    target_utilisation_percent: int = Field(60, ge=20, le=90, description="How busy workers may be in the busy hour.")
    database_time_percent: int = Field(
        35, ge=5, le=95, description="Share of the service time spent in PostgreSQL (measured)."
    )
    surge_percent: int = Field(
        200,
        ge=100,
        le=1000,
        description="Load that scaling must be able to follow unannounced, in percent of the season's.",
    )

    # Calendar
    time_zone: str = Field("Europe/Paris", description="The retailer's time zone, an IANA name.")
    peaks: tuple[Peak, ...] = Field(
        (), max_length=MAX_WINDOWS, description="Commercial peaks: name, start, end (local), factor."
    )
    freezes: tuple[Window, ...] = Field(
        (), max_length=MAX_WINDOWS, description="Windows without changes: name, start, end (local)."
    )

    # Nodes
    spot_pools: tuple[Pool, ...] = Field(
        (),
        description="Node pools that may run on spot machines: integration, jobs. Never web (critical tiers) or data.",
    )

    avoid_zone: str = Field(
        "",
        description="Availability zone in trouble, which stateless nodes keep out of until this is empty again.",
    )

    # Money, in US dollars a month
    monthly_budget: int = Field(0, ge=0, description="What the stack may cost in season normal; 0 where undecided.")
    peak_monthly_budget: int = Field(0, ge=0, description="What it may cost in season peak; 0 where undecided.")

    # Recovery, as measured in drills
    restore_gib_per_minute: int = Field(
        7, ge=1, le=1000, description="How fast a database comes back from its archive (measured by the drill)."
    )

    # Platform stacks
    max_retailers: int = Field(10, ge=1, le=200, description="Hosted retailers a platform is sized for.")
    connections_per_retailer: int = Field(
        60, ge=20, le=1000, description="Database connections of one shared retailer's slice."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _parse_json_text(cls, value: Any, info: Any) -> Any:
        """Pulumi hands lists over as JSON text."""
        if isinstance(value, str) and info.field_name in LISTS:
            try:
                return json.loads(value)
            except json.JSONDecodeError as error:
                raise ValueError(f"not a list: {error}") from None
        return value

    @field_validator("expires", "access_review_due", mode="before")
    @classmethod
    def _empty_is_no_day(cls, value: Any) -> Any:
        """Pulumi has no null: a day that is not set is an empty text."""
        return None if value == "" else value

    @field_validator("retailer", "domain", "account", "backup_account", mode="before")
    @classmethod
    def _must_be_set(cls, value: Any) -> Any:
        if value == "":
            raise ValueError("must be set")
        return value

    @field_validator("retailer")
    @classmethod
    def _is_not_reserved(cls, value: str) -> str:
        if value.startswith(RESERVED_PREFIXES):
            raise ValueError(f"must not begin with {' or '.join(RESERVED_PREFIXES)}, which name roles of the database")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_known_time_zone(cls, value: str) -> str:
        if value not in available_timezones():
            near = difflib.get_close_matches(value, available_timezones(), 1)
            raise ValueError(f"not an IANA time zone{f'; did you mean {near[0]}?' if near else ''}")
        return value

    def identity(self, stack: str) -> Identity:
        """Who this stack is: what names, labels and tags are computed from."""
        return Identity(
            retailer=self.retailer,
            environment=self.environment,
            stack=stack,
            account=self.account,
            region=self.region,
            objective_class=str(self.objective_class),
            expires=self.expires.isoformat() if self.expires else "never",
            platform_team=self.platform_team_role,
            review_due=self.access_review_due.isoformat() if self.access_review_due else "",
        )

    @property
    def owner(self) -> str:
        """Whose node pools and edge the stack uses: its own retailer's, or the platform's where hosting is shared."""
        return self.platform_stack.rsplit("/", 1)[-1] if self.hosting is Hosting.SHARED else self.retailer

    @property
    def peak_factor(self) -> float:
        """The largest factor in the calendar; 1 where it has no peak."""
        return max((peak.factor for peak in self.peaks), default=1.0)

    @property
    def season_ends(self) -> str:
        """The day on which the calendar's last peak or freeze ends (YYYY-MM-DD); empty where it has none."""
        ends = [window.end for window in (*self.peaks, *self.freezes)]
        return max(ends).date().isoformat() if ends else ""

    @property
    def surge_factor(self) -> float:
        return self.surge_percent / 100

    @property
    def zones(self) -> tuple[str, str, str]:
        """The three availability zones. Three, because quorums and spread are computed over three."""
        return (f"{self.region}a", f"{self.region}b", f"{self.region}c")


def _contradictions(settings: Settings, stack: str, secrets: Collection[str]) -> Iterator[tuple[str, str]]:
    """What no single key shows to be wrong, as (key, reason). secrets: those of SECRET_KEYS that are set."""
    hosting = settings.hosting
    if hosting is Hosting.PLATFORM and settings.retailer != stack:
        yield "retailer", f"must be the stack's name, {stack}, where hosting is platform: hosted stacks know it by that"
    if not hosting.owns_cluster and len(settings.platform_stack.split("/")) != 3:
        yield "platform-stack", f"must be set to organization/project/stack where hosting is {hosting}"
    if hosting.owns_cluster and settings.platform_stack:
        yield "platform-stack", f"must be left out where hosting is {hosting}, which owns its cluster"
    if not settings.image:
        yield "image", "must be set (by digest, registry/name@sha256:...)"
    if settings.season == "peak" and not settings.peaks:
        yield "season", "peak needs a peak in the calendar; add one to peaks"
    if hosting is Hosting.SHARED and settings.objective_class is ObjectiveClass.GOLD:
        yield "objective-class", "gold is not to be had where hosting is shared; use segmented or dedicated"
    yield from _unmet_demands(settings)
    yield from _half_a_mail_relay(settings, secrets)
    if settings.environment is Environment.PRODUCTION:
        if hosting is Hosting.SHARED and (sales := _sells_through(settings)):
            yield (
                "hosting",
                f"shared is for units of low criticality, and in production {sales}; use segmented or dedicated",
            )
        if settings.objective_class is ObjectiveClass.BRONZE:
            yield "objective-class", "bronze has one PostgreSQL instance and can't be production; use silver or gold"
        if settings.backup_account == settings.account:
            yield "backup-account", "must be another account than account in production"
        if settings.expires:
            yield "expires", f"must be left out in production; given {settings.expires}"
    if settings.regulated and hosting is Hosting.SHARED:
        yield "hosting", "shared puts the retailer's data beside others', which regulated forbids"
    yield from _foreign_regions(settings)
    yield from _slow_restore(settings)
    if settings.recovery_region == settings.region:
        yield "recovery-region", "must be another region than region"
    yield from _node_contradictions(settings)
    for key, windows in (("peaks", settings.peaks), ("freezes", settings.freezes)):
        for earlier, later in overlapping(windows):
            yield key, f"{earlier.name} and {later.name} overlap"
    try:
        rotation_schedule(settings.freezes, settings.peaks)
    except NoRotationDay as none:
        yield "freezes", str(none)


def _unmet_demands(settings: Settings) -> Iterator[tuple[str, str]]:
    """Demands of business processes that the stack's class can't keep."""
    better = classes_that_meet(settings.process_objectives)
    advice = f"use {' or '.join(better)}" if better else "no class gives that; weaken the demand"
    for demand in settings.process_objectives:
        for sentence in demand.unmet_by(OBJECTIVES[settings.objective_class]):
            yield "process-objectives", f"{sentence} of objective-class {settings.objective_class}; {advice}"


def _foreign_regions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Regions of the stack that the contract does not allow."""
    for key, region in (("region", settings.region), ("recovery-region", settings.recovery_region)):
        if settings.allowed_regions and region not in settings.allowed_regions:
            yield key, f"{region} is not in allowed-regions ({', '.join(settings.allowed_regions)})"


def _slow_restore(settings: Settings) -> Iterator[tuple[str, str]]:
    """A database that can't be back within the class's regional RTO: RESTORE_OVERHEAD and its size over the speed."""
    promised = OBJECTIVES[settings.objective_class].region_rto_seconds
    needed = restore_seconds(settings.database_gib, settings.restore_gib_per_minute)
    if settings.hosting.owns_database and needed > promised:
        yield (
            "restore-gib-per-minute",
            f"{settings.database_gib} GiB at {settings.restore_gib_per_minute} GiB/min and {RESTORE_OVERHEAD_SECONDS} s"
            f" beside it take {needed} s; {settings.objective_class} promises {promised} s for the loss of a region",
        )


def _half_a_mail_relay(settings: Settings, secrets: Collection[str]) -> Iterator[tuple[str, str]]:
    """A relay takes mail from whom it knows, so host, user and password are set together or not at all."""
    given = {
        "smtp-host": bool(settings.smtp_host),
        "smtp-user": bool(settings.smtp_user),
        "smtp-password": "smtp-password" in secrets,
    }
    present = [key for key, is_set in given.items() if is_set]
    if not present:
        return
    if not settings.hosting.serves_retailer:
        yield present[0], f"must be left out where hosting is {settings.hosting}: nothing there sends mail"
        return
    for key in given.keys() - set(present):
        yield key, f"must be set beside {' and '.join(present)}"
    if settings.smtp_port == IMPLICIT_TLS_PORT:
        yield (
            "smtp-port",
            f"{IMPLICIT_TLS_PORT} speaks TLS from the first byte, and odoo.conf can only say STARTTLS; use 587 or 2525",
        )


def _sells_through(settings: Settings) -> str:
    """What of the retailer's selling goes through the stack, in words; empty where nothing does."""
    channels = {
        "pos-terminals": settings.pos_terminals,
        "storefront-requests-per-second": settings.storefront_requests_per_second,
    }
    used = [f"{key} {value}" for key, value in channels.items() if value]
    return f"the retailer sells through it ({', '.join(used)})" if used else ""


def _node_contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """What node pools can't be."""
    for pool in settings.spot_pools:
        if reason := spot.refusal(pool):
            yield "spot-pools", reason
    if settings.avoid_zone and settings.avoid_zone not in settings.zones:
        yield "avoid-zone", f"must be one of {', '.join(settings.zones)}; given {settings.avoid_zone!r}"
    for key, value in (("spot-pools", settings.spot_pools), ("avoid-zone", settings.avoid_zone)):
        if value and not settings.hosting.owns_database:
            yield (
                key,
                f"must be left out where hosting is {settings.hosting}: its nodes are the platform's; set it there",
            )


def read_settings() -> Settings:
    """The current stack's settings. Raises SettingsError with every mistake in its message.

    It reads all configured keys, so that a misspelt one is found: pulumi.Config can only be asked for known ones.
    """
    prefix = f"{PROJECT}:"
    given = {key.removeprefix(prefix): text for key, text in get_config_env().items() if key.startswith(prefix)}
    return parse_settings(given, stack=pulumi.get_stack())


def parse_settings(given: Mapping[str, Any], *, stack: str) -> Settings:
    """Settings out of flat keys, as text or parsed. Raises SettingsError with every mistake in its message.

    Of secret keys only whether they are set matters here; `read_secret` hands out their values.
    """
    secrets = {key for key in SECRET_KEYS if given.get(key)}
    given = {key: value for key, value in given.items() if key not in SECRET_KEYS}
    try:
        settings = Settings.model_validate(dict(given))
        mistakes = [f"{key}: {reason}" for key, reason in _contradictions(settings, stack, secrets)]
        if not mistakes:
            return settings
    except ValidationError as error:
        mistakes = [_describe(entry) for entry in error.errors()]
        broken = {_key(str(entry["loc"][0])) for entry in error.errors()}
        mistakes += _contradictions_beside(given, broken, stack, secrets)
    raise SettingsError(
        "\n".join(
            [
                f"Stack '{stack}' can't be built: {len(mistakes)} mistake(s) in its configuration",
                *(f"  - {m}" for m in mistakes),
            ]
        )
    )


def _contradictions_beside(
    given: Mapping[str, Any], broken: set[str], stack: str, secrets: Collection[str]
) -> list[str]:
    """Contradictions among the keys that are not broken themselves, so that one message tells all."""
    stand_ins = {"retailer": "unset", "domain": "unset.example", "account": "0" * 12, "backup-account": "1" * 12}
    healthy = {key: value for key, value in given.items() if key not in broken}
    draft = Settings.model_validate({**{key: value for key, value in stand_ins.items() if key in broken}, **healthy})
    return [f"{key}: {reason}" for key, reason in _contradictions(draft, stack, secrets) if key not in broken]


def read_secret(key: str) -> pulumi.Output[str] | None:
    """A secret of the configuration, never in plain text; None where it isn't set.

    Raises SettingsError, without the value, where it was set as plain text.
    """
    if key not in SECRET_KEYS:
        raise KeyError(key)
    config = pulumi.Config(PROJECT)
    if not config.get(key):
        return None
    if not is_config_secret(config.full_key(key)):
        raise SettingsError(
            f"{key}: is in the configuration as plain text; set it with `pulumi config set --secret {key}`"
        )
    return config.require_secret(key)


def _describe(entry: Any) -> str:
    """One mistake: the key, what is allowed, what was given."""
    key = ".".join([_key(str(entry["loc"][0])), *(str(part) for part in entry["loc"][1:])])
    if entry["type"] == "extra_forbidden" and len(entry["loc"]) == 1:
        known = [_key(field) for field in Settings.model_fields] + list(SECRET_KEYS)
        near = difflib.get_close_matches(key, known, 1)
        return f"{key}: no such key{f'; did you mean {near[0]}?' if near else ''}"
    reason = entry["msg"].removeprefix("Value error, ")
    if entry["type"] == "string_pattern_mismatch" and len(entry["loc"]) == 1:
        described = {_key(name): field.description for name, field in Settings.model_fields.items()}
        reason = f"does not fit: {described[key]}"
    return (
        f"{key}: {reason}"
        if isinstance(entry["input"], dict) or entry["input"] == ""
        else f"{key}: {reason}; given {entry['input']!r}"
    )
