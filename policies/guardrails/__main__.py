"""`python -m guardrails`, in the pack's folder: the catalogue as JSON, for tools that explain or document rules."""

import json
import sys

from guardrails.catalogue import RULES

json.dump([rule.as_data() for rule in RULES.values()], sys.stdout)
