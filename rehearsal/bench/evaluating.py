"""What the evaluation of the program costs: beside the bare import of what it imports, and from one stack to many.

CPU time throughout: evaluation is one thread that never waits, so on an idle machine it is the time that passes, and on
a busy one it still means something.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from typing import Final

from rehearsal.bench.figures import Figure, growth_ratio, paired_ratio
from rehearsal.errors import RehearsalError
from rehearsal.paths import PROJECT_DIR

STACK: Final = "peak"
STACKS: Final = 50
_SDK: Final = ("pulumi", "pulumi_aws", "pulumi_kubernetes", "pulumi_random")
_EVALUATE: Final = f"""
from pathlib import Path
from rehearsal.engine.evaluate import evaluate
evaluation = evaluate(Path("."), "{STACK}", preview=False)
"""
_LIST: Final = f"""
import json, sys
print(json.dumps([name for name in sys.modules if name.partition(".")[0] in {_SDK!r}]))
"""


def measure_evaluation(rounds: int) -> list[Figure]:
    """Fresh processes in turn: one imports the SDK modules that the program uses, one evaluates the program."""
    modules = json.loads(_python(_EVALUATE + _LIST)[1])
    imports = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)"
    _python(imports)  # so that neither side compiles anything
    pairs = [(_python(imports)[0], _python(_EVALUATE)[0]) for _ in range(rounds)]
    how = f"median of {rounds} pairs of fresh processes, CPU"
    return [
        Figure("evaluation", f"evaluating {STACK}, to importing its SDK modules", paired_ratio(pairs), "x", 2.0, how),
        Figure(
            "evaluation", "importing alone", median(first for first, _ in pairs), "s", note=f"{len(modules)} modules"
        ),
        Figure("evaluation", "evaluating, imports included", median(second for _, second in pairs), "s"),
    ]


def measure_growth() -> list[Figure]:
    """Many stacks in one process, each another retailer's; what it keeps of them is memory that grows."""
    output = _python(f"from rehearsal.bench.growth import run\nrun({STACK!r}, {STACKS})")[1]
    measured = json.loads(output)
    seconds, resident = measured["seconds"], measured["resident"]
    per_stack = (resident[-1] - resident[0]) / (len(resident) - 1) / 2**20
    how = f"{len(seconds)} stacks after one to warm up, CPU"
    return [
        Figure("growth", "a stack", median(seconds), "s", 1.0, how),
        Figure("growth", "last ten to first ten", growth_ratio(seconds), "x", 1.2, "1 is linear"),
        Figure(
            "growth", "resident memory that a stack leaves", per_stack, "MiB", note=f"{resident[-1] / 2**20:.0f} in all"
        ),
    ]


def _python(code: str) -> tuple[float, str]:
    """Runs `code` in a fresh interpreter; its CPU seconds and what it printed."""
    before = _children()
    argv: Sequence[str] = [sys.executable, "-W", "ignore", "-c", code]
    ended = subprocess.run(argv, cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RehearsalError(f"a measured process failed: {ended.stderr.strip().splitlines()[-1:] or ended.returncode}")
    return _children() - before, ended.stdout


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
