"""Settings for tests of pure logic."""

from collections.abc import Callable
from typing import Any

import pytest

from retail.configuration import parse_settings
from retail.settings import Settings

IMAGE = "registry.example/odoo@sha256:" + "0" * 64
DEDICATED = {
    "retailer": "acme",
    "domain": "acme.example",
    "account": "1" * 12,
    "backup-account": "2" * 12,
    "image": IMAGE,
    "restore-gib-per-minute": 1000,
}


@pytest.fixture(scope="session")
def settings() -> Callable[..., Settings]:
    """`settings(stores=3)`: a valid dedicated stack's settings with those keys changed (underscores for hyphens)."""

    def make(**changes: Any) -> Settings:
        return parse_settings(
            DEDICATED | {key.replace("_", "-"): value for key, value in changes.items()}, stack="test"
        )

    return make
