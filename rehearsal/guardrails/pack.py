"""What only the pack can make, so that it is read as it was made: baselines and evidence, with their digests."""

import json
import subprocess
import sys
from typing import Any, Literal

from rehearsal.errors import RehearsalError
from rehearsal.guardrails.process import PACK_DIR


def made_by_pack(what: Literal["baseline", "evidence"], given: Any) -> dict[str, Any]:
    """What `python -m guardrails` makes of `given`, in a process of its own: nothing of it is imported here."""
    command = [sys.executable, "-m", "guardrails", what]
    done = subprocess.run(command, cwd=PACK_DIR, input=json.dumps(given), capture_output=True, text=True)
    if done.returncode:
        last = "".join(done.stderr.strip().splitlines()[-1:])
        raise RehearsalError(f"The guardrails can't make the {what}: {last}")
    made: dict[str, Any] = json.loads(done.stdout)
    return made
