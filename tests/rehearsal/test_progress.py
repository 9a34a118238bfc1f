"""What a person sees of something long."""

import io
import re

import pytest

from rehearsal.progress import LineProgress, TerminalProgress, clock, progress_on


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_display_follows_the_stream() -> None:
    assert isinstance(progress_on(Terminal()), TerminalProgress)
    assert isinstance(progress_on(io.StringIO()), LineProgress)


def test_lines_say_start_and_end_and_now_and_then_how_far(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0
    monkeypatch.setattr("rehearsal.progress.time.monotonic", lambda: float(now))
    out = io.StringIO()
    with LineProgress(out).step("building") as step:
        for now in range(50):
            step.show("packages", done=now, total=50)
    assert out.getvalue().splitlines() == [
        "building ...",
        "building: 20 of 50 packages (0:20)",
        "building: 40 of 50 packages (0:40)",
        "building: done (0:49)",
    ]


def test_lines_own_up_to_failure() -> None:
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt), LineProgress(out).step("building"):
        raise KeyboardInterrupt
    assert out.getvalue().endswith("building: not finished (0:00)\n")


def test_terminal_shows_what_is_done_without_colours_when_told() -> None:
    out = Terminal()
    display = TerminalProgress(out)
    with display.step("building") as step:
        step.show("packages", done=1, total=2)
    display.note("[look] here")
    shown = out.getvalue()
    assert "✓ building" in shown
    assert "[look] here" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", shown)  # NO_COLOR is set for tests


def test_terminal_marks_failure() -> None:
    out = Terminal()
    with pytest.raises(ValueError, match="no"), TerminalProgress(out).step("building"):
        raise ValueError("no")
    assert "✗ building" in out.getvalue()


def test_clock() -> None:
    assert [clock(0), clock(59.9), clock(409)] == ["0:00", "0:59", "6:49"]
