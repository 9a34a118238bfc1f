"""`python -m tests.policies.mutations [--write] [STACK ...]`: makes every mutation, and prints what to look at.

With --write, caught.txt is made anew: read what changed in it as you would read code.
"""

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from tests.policies.mutations import verdicts
from tests.policies.mutations.survey import Survey
from tests.policies.shipped import STACKS


def surveyed(stack: str) -> Survey:
    """Of one stack; in a process of its own."""
    survey = Survey()
    survey.look(stack)
    return survey


def look_at_all(stacks: Iterable[str]) -> Survey:
    """Of these stacks, each in a process of its own."""
    whole = Survey()
    with ProcessPoolExecutor() as pool:
        for each in pool.map(surveyed, stacks):
            whole.add(each)
    return whole


def main(arguments: list[str]) -> int:
    stacks = [each for each in arguments if not each.startswith("-")] or list(STACKS)
    whole = look_at_all(stacks)
    if "--write" in arguments:
        verdicts.write(whole.catches)
    complaints = list(whole.complaints(verdicts.caught(), verdicts.reviewed()))
    print("\n".join([*whole.summary(verdicts.caught(), verdicts.reviewed()), *complaints]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
