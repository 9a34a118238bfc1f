"""For tools beside the engine, in the pack's folder: `python -m guardrails` prints the catalogue as JSON, and
`python -m guardrails baseline` makes the release on stdin a baseline on stdout."""

import json
import sys

from guardrails.baseline import written
from guardrails.bill import months_of
from guardrails.catalogue import RULES

if sys.argv[1:] == ["baseline"]:
    release = json.load(sys.stdin)
    json.dump(written({**release, "months": months_of(release)}), sys.stdout, indent=1)
else:
    json.dump([rule.as_data() for rule in RULES.values()], sys.stdout)
