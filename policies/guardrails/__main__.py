"""For tools beside the engine, in the pack's folder: `python -m guardrails` prints the catalogue as JSON, and
`python -m guardrails baseline` makes the release on stdin (with the `previous` baseline) a baseline on stdout, and
`python -m guardrails evidence` gives what was collected its digest."""

import json
import sys

from guardrails.baseline import written
from guardrails.bill import months_of
from guardrails.catalogue import RULES
from guardrails.evidence import collected

if sys.argv[1:] == ["baseline"]:
    given = json.load(sys.stdin)
    release = {**given["release"], "months": months_of(given["release"])}
    json.dump(written(release, given["previous"]), sys.stdout)
elif sys.argv[1:] == ["evidence"]:
    json.dump(collected(json.load(sys.stdin)), sys.stdout)
else:
    json.dump([rule.as_data() for rule in RULES.values()], sys.stdout)
