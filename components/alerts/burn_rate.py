"""Alerts on how fast an error budget is used up: several windows, several rates (the SRE workbook, chapter 5).

An alert fires while the rate is above the line over both a long window (it matters) and one a twelfth as long (it still
goes on, and the alert ends soon after the errors do).
"""

from dataclasses import dataclass

from components.alerts.rule import Alert, Recording

LEAST_ERRORS = 10
"""In the long window. A ratio over a handful of requests says nothing (facts, platform §8): one failure in a quiet
night would be a tenth of the traffic. A tier that is wholly down has an alert of its own (alerts/tiers.py)."""


@dataclass(frozen=True)
class BurnRate:
    """One row of the table. factor: times as fast as would use the budget up in exactly 30 days. budget: share of the
    30 days' budget that is gone when the long window is full of it."""

    factor: float
    long: str
    short: str
    budget: float
    page: bool


TABLE = (
    BurnRate(14.4, "1h", "5m", 0.02, True),
    BurnRate(6, "6h", "30m", 0.05, True),
    BurnRate(1, "3d", "6h", 0.10, False),
)


def ratio(window: str) -> str:
    """Name of the recorded share of requests that failed."""
    return f"retail:request_errors:ratio_rate{window}"


def burn_rate_rules(
    tier: str, requests: str, selector: str, namespace: str, objective: float
) -> list[Alert | Recording]:
    """requests: a counter with a `code` label, selector: its label matchers. objective: share of requests that must
    succeed, as 0.999."""
    rules: list[Alert | Recording] = []
    labels = {"namespace": namespace, "tier": tier}
    for window in sorted({window for row in TABLE for window in (row.long, row.short)}):
        failed = f'sum(rate({requests}{{{selector},code=~"5.."}}[{window}]))'
        everything = f"sum(rate({requests}{{{selector}}}[{window}]))"
        # Without any failure there is no series of one, and no division: then nothing failed.
        rules.append(Recording(ratio(window), f"({failed} or 0 * {everything}) / ({everything} > 0)", labels))
    matchers = ",".join(f'{key}="{value}"' for key, value in labels.items())
    for row in TABLE:
        line = f"{row.factor * (1 - objective):.6g}"
        enough = f'sum(increase({requests}{{{selector},code=~"5.."}}[{row.long}])) >= {LEAST_ERRORS}'
        rules.append(
            Alert(
                f"{tier.capitalize()}ErrorBudget",
                f"max({ratio(row.long)}{{{matchers}}}) > {line} and max({ratio(row.short)}{{{matchers}}}) > {line}"
                f" and {enough}",
                "2m" if row.page else "15m",
                f"{tier} fails {row.factor:g} times as often as its {objective:.2%} allow:"
                f" {row.budget:.0%} of the month's errors in {row.long}",
                "See which answers fail (Traefik's access log, by router and status), then the tier's own log;"
                " roll back a release of the last hour, else go on with the database's alerts.",
                row.page,
                {"tier": tier, "window": row.long},
            )
        )
    return rules
