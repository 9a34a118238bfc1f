"""The page for people says what the catalogue says, and what the pack says."""

from rehearsal.paths import PROJECT_DIR
from tests.policies.guide import guide


def test_the_guide_is_up_to_date() -> None:
    written = (PROJECT_DIR / "docs" / "guardrails.md").read_text()
    assert written == guide(), "say `make docs`"
