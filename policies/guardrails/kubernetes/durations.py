"""Durations as Kubernetes, PostgreSQL and CloudNativePG write them, in seconds."""

import re
from typing import Final

from guardrails.reading import Node, whole

_GO_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_GO: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+")
_GO_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")

_POSTGRES_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400}
_POSTGRES: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|min|h|d)?")

_PROMETHEUS_UNITS: Final = {"ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_PROMETHEUS: Final = re.compile(r"(?:[0-9]+(?:ms|[smhdwy]))+|0")
_PROMETHEUS_PART: Final = re.compile(r"([0-9]+)(ms|[smhdwy])")

_RETENTION_UNITS: Final = {"d": 1, "w": 7, "m": 30}
_RETENTION: Final = re.compile(r"([1-9][0-9]*)([dwm])")


def seconds(node: Node) -> int | float:
    """A Go duration: `90s`, `1h30m`."""
    text = node.text()
    if not _GO.fullmatch(text):
        raise node.unjudged("must be a duration, as 90s or 1h30m")
    return whole(sum(float(number) * _GO_UNITS[unit] for number, unit in _GO_PART.findall(text)))


def postgres_seconds(node: Node, unit: str) -> int | float:
    """A time parameter of PostgreSQL; a bare number counts in the parameter's own `unit` (`ms`, `s`, ...)."""
    found = _POSTGRES.fullmatch(node.text().strip())
    if not found:
        raise node.unjudged("must be a time, as 300s or 5min")
    return whole(float(found[1]) * _POSTGRES_UNITS[found[2] or unit])


def retention_days(node: Node) -> int:
    """Barman's recovery window: `30d`, `4w`, `3m` (months, of 30 days here)."""
    found = _RETENTION.fullmatch(node.text())
    if not found:
        raise node.unjudged("must be a recovery window, as 30d")
    return int(found[1]) * _RETENTION_UNITS[found[2]]


def prometheus_seconds(node: Node) -> int | float:
    """A duration of Prometheus: `15m`, `1h30m`, `3d`."""
    text = node.text()
    if not _PROMETHEUS.fullmatch(text):
        raise node.unjudged("must be a duration, as 15m")
    return whole(sum(float(number) * _PROMETHEUS_UNITS[unit] for number, unit in _PROMETHEUS_PART.findall(text)))
