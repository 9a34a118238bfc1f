"""What the retailer asked for, as one frozen, validated object: the model of a stack's configuration.

retail/configuration.py reads it, retail/contradictions.py says what is wrong between keys. `Pulumi.yaml` declares the
same keys to the pulumi CLI; a test holds the two equal.
"""

import difflib
import json
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import pulumi
from pydantic import BaseModel, ConfigDict, Field, field_validator

from retail.dates import Day
from retail.naming import RESERVED_PREFIXES, SLUG_LENGTH, SLUG_PATTERN, Identity, Pool
from retail.objectives import ObjectiveClass
from retail.peaks import Peak, Window
from retail.process_objectives import ProcessObjectives
from retail.working_hours import WorkingHours

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


def key_of(field: str) -> str:
    return field.replace("_", "-")


class Settings(BaseModel):
    """One stack's configuration. A key is the field's name with hyphens; requests are Odoo's own, after any CDN."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=key_of, validate_default=True)

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
    expires: Day | None = Field(
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
    approver_role: str = Field(
        "approver", description="IAM role (name) of those who approve changes in a freeze; never the author's own."
    )
    access_review_due: Day | None = Field(
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
        (), max_length=MAX_WINDOWS, description="Commercial peaks: name, start, end (local), factor, rehearsed."
    )
    freezes: tuple[Window, ...] = Field(
        (), max_length=MAX_WINDOWS, description="Windows without changes: name, start, end (local)."
    )
    working_hours: str = Field(
        "",
        description="When a bronze stack that is not production is awake (mon-fri 07:00-20:00, local); empty: always.",
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

    @field_validator("working_hours")
    @classmethod
    def _are_working_hours(cls, value: str) -> str:
        if value:
            WorkingHours.parse(value)
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
    def hours(self) -> WorkingHours | None:
        """When the stack is awake; None where it never sleeps."""
        return WorkingHours.parse(self.working_hours) if self.working_hours else None

    @property
    def surge_factor(self) -> float:
        return self.surge_percent / 100

    @property
    def zones(self) -> tuple[str, str, str]:
        """The three availability zones. Three, because quorums and spread are computed over three."""
        return (f"{self.region}a", f"{self.region}b", f"{self.region}c")
