"""Kubernetes quantities and PostgreSQL's sizes as numbers."""

import re
from fractions import Fraction
from typing import Final

from guardrails.reading import Node, whole

_SUFFIXES: Final = {
    "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1),
    "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9), "T": Fraction(10**12), "P": Fraction(10**15),
    "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30), "Ti": Fraction(2**40), "Pi": Fraction(2**50),
}  # fmt: skip
_QUANTITY: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]+)|([numkMGTP]|[KMGTP]i)?)")

_POSTGRES_UNITS: Final = {"B": 1, "kB": 2**10, "8kB": 2**13, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_POSTGRES_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|kB|MB|GB|TB)?")

MIB: Final = 2**20
GIB: Final = 2**30


def quantity(node: Node, default: float | None = None) -> int | float:
    """Cores, bytes or a count: `1800m` is 1.8, `3100Mi` 3250585600. Unjudged for anything else."""
    text = node.text("", None)
    if text is None and default is not None:
        return default
    found = _QUANTITY.fullmatch(node.text())
    if not found:
        raise node.unjudged("must be a quantity, as 500m or 2Gi")
    number, exponent, suffix = found.groups()
    return whole(float(Fraction(number) * (Fraction(10) ** int(exponent) if exponent else _SUFFIXES[suffix or ""])))


def postgres_bytes(node: Node, unit: str) -> int:
    """A size parameter of PostgreSQL; a bare number counts in the parameter's own `unit` (`MB`, `8kB`, ...)."""
    found = _POSTGRES_SIZE.fullmatch(node.text().strip())
    if not found:
        raise node.unjudged("must be a size, as 512MB")
    return int(float(found[1]) * _POSTGRES_UNITS[found[2] or unit])
