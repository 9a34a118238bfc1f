"""Arithmetic that shows itself: a sum whose every term says how many, of what, from where."""

from dataclasses import dataclass, field
from math import prod

from guardrails.reading import whole


@dataclass
class Sum:
    """Terms that add up: `Sum().add("storefront", (41, "pods"), (5, "processes"), (8, "db_maxconn"))`."""

    terms: list[tuple[str, tuple[tuple[float, str], ...]]] = field(default_factory=list)

    def add(self, what: str, *factors: tuple[float, str]) -> None:
        """One term: the product of its factors, each a number and what it counts."""
        self.terms.append((what, factors))

    @property
    def total(self) -> int | float:
        return whole(sum(prod(number for number, _ in factors) for _, factors in self.terms))

    def __str__(self) -> str:
        return " + ".join(_term(what, factors) for what, factors in self.terms) + f" = {self.total}"


def _term(what: str, factors: tuple[tuple[float, str], ...]) -> str:
    product = " x ".join(f"{whole(number)} {unit}" for number, unit in factors)
    return f"{what} {whole(prod(number for number, _ in factors))} ({product})"
