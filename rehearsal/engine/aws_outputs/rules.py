"""A row of the output table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rehearsal.engine.aws_outputs.facts import Facts


@dataclass(frozen=True)
class Rule:
    """How one type's outputs come about.

    `outputs` returns what AWS would add to the inputs, under the provider's property names, and the id as `id`.
    `named` is the property that the provider fills from the logical name where the program leaves it out, with
    `name_prefix` before it and `.fifo` after it where the input `fifo_flag` is true.
    `tagged` types report `tagsAll`; `regional` ones their `region`.
    """

    outputs: Callable[[Facts], dict[str, Any]]
    named: str | None = None
    tagged: bool = True
    regional: bool = True
    name_prefix: str = ""
    fifo_flag: str = ""


Rules = dict[str, Rule]
