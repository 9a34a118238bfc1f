"""Go's durations ("2160h0m0s"), as Kubernetes objects write them."""

import re
from datetime import timedelta

_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def duration(text: str) -> timedelta:
    """Raises ValueError for what is no duration."""
    if not text or _PART.sub("", text):
        raise ValueError(f"{text!r} is not a duration like 2160h or 90m")
    return timedelta(seconds=sum(float(value) * _SECONDS[unit] for value, unit in _PART.findall(text)))
