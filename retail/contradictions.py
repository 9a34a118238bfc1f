"""What is wrong between the keys of a stack, where each by itself is right."""

from collections.abc import Collection, Iterator

from retail import spot
from retail.objectives import OBJECTIVES, RESTORE_OVERHEAD_SECONDS, ObjectiveClass, restore_seconds
from retail.peaks import overlapping
from retail.process_objectives import classes_that_meet
from retail.rotation import NoRotationDay, rotation_schedule
from retail.settings import Environment, Hosting, Settings

IMPLICIT_TLS_PORT = 465
"""SMTP over TLS. Odoo has that for mail servers kept in its database only: `smtp_ssl` of odoo.conf means STARTTLS
(odoo/tools/config.py of both series)."""


def contradictions(settings: Settings, stack: str, secrets: Collection[str]) -> Iterator[tuple[str, str]]:
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
    yield from _sleepless(settings)
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


def _sleepless(settings: Settings) -> Iterator[tuple[str, str]]:
    """Working hours of what must not sleep."""
    if not settings.working_hours:
        return
    if settings.environment is Environment.PRODUCTION:
        yield "working-hours", "must be left out in production, which is never closed"
    if not settings.hosting.serves_retailer:
        yield "working-hours", "must be left out where hosting is platform: its retailers have hours of their own"
    if settings.objective_class is not ObjectiveClass.BRONZE:
        yield (
            "working-hours",
            f"must be left out where objective-class is {settings.objective_class}, which outlives the loss of a zone"
            " at any hour; only bronze may sleep",
        )


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
