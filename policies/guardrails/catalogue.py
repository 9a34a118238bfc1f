"""All rules. Importing this module declares them; `python -m guardrails` prints them as JSON."""

from typing import Final

from guardrails import az, bk, cost, db, frz, ing, iso, ops, peak, sec
from guardrails.rule import DECLARED, Rule

AREA_MODULES: Final = (az, db, bk, iso, ing, sec, frz, peak, cost, ops)

RULES: Final[dict[str, Rule]] = dict(sorted(DECLARED.items()))
"""Every rule by id."""
