"""The process that evaluates many stacks; apart from the bench, so that its memory is its own."""

import json
import time

import psutil

from rehearsal.engine.evaluate import evaluate
from rehearsal.paths import PROJECT_DIR


def run(stack: str, count: int) -> None:
    """Evaluates `stack` as `count` retailers' after one to warm up; prints CPU seconds of each, and bytes resident."""
    process = psutil.Process()
    seconds: list[float] = []
    resident: list[int] = []
    for number in range(count + 1):
        started = time.process_time()
        evaluate(PROJECT_DIR, stack, preview=False, overrides={"retailer": f"retailer-{number}"})
        seconds.append(time.process_time() - started)
        resident.append(process.memory_info().rss)
    print(json.dumps({"seconds": seconds[1:], "resident": resident[1:]}))
