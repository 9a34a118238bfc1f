"""What a person sees while something long goes on: a live line on a terminal, plain lines anywhere else.

Everything goes to stderr, so that a command's result on stdout stays clean. Colours follow NO_COLOR (by rich).
"""

import sys
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

# A CI log gets a line this often (seconds) from a step that goes on; job runners kill what is silent for minutes.
LINE_INTERVAL = 20.0


class Step(Protocol):
    """One step under way."""

    def show(self, detail: str, *, done: int | None = None, total: int | None = None) -> None:
        """Tell how far it is: a few words, and how many of how many where that is known. Cheap; call it freely."""


class Progress(Protocol):
    """Where the long-running parts report to."""

    def step(self, title: str, /) -> AbstractContextManager[Step]:
        """Open a step; leaving the block ends it, with its time, or as failed when an exception passes."""

    def note(self, text: str) -> None:
        """Say one thing that is worth a line of its own."""


def progress_on(stream: TextIO | None = None) -> Progress:
    """The display that fits `stream` (stderr when left out): live on a terminal, lines elsewhere."""
    target = stream if stream is not None else sys.stderr
    return TerminalProgress(target) if target.isatty() else LineProgress(target)


def clock(seconds: float) -> str:
    """A duration as `m:ss`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


class QuietProgress:
    """Shows nothing; for tests and for calls from other programs."""

    @contextmanager
    def step(self, _title: str, /) -> Generator[Step]:
        yield self

    def show(self, detail: str, *, done: int | None = None, total: int | None = None) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


class _LineStep:
    def __init__(self, title: str, stream: TextIO) -> None:
        self._title, self._stream = title, stream
        self._started = self._last = time.monotonic()

    def show(self, detail: str, *, done: int | None = None, total: int | None = None) -> None:
        now = time.monotonic()
        if now - self._last >= LINE_INTERVAL:
            self._last = now
            self.say(_counted(detail, done, total))

    def say(self, words: str) -> None:
        print(f"{self._title}: {words} ({clock(time.monotonic() - self._started)})", file=self._stream, flush=True)


class LineProgress:
    """Plain lines: one at the start, one every LINE_INTERVAL seconds, one at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def step(self, title: str, /) -> Generator[Step]:
        self.note(f"{title} ...")
        step = _LineStep(title, self._stream)
        try:
            yield step
        except BaseException:
            step.say("not finished")
            raise
        step.say("done")

    def note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class TerminalProgress:
    """A spinner with elapsed time, and a bar where a total is known; what is done stays as one line."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream)

    @contextmanager
    def step(self, title: str, /) -> Generator[Step]:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        started = time.monotonic()
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
        )
        ok = False
        try:
            with Progress(*columns, console=self._console, transient=True) as live:
                task = live.add_task(title, total=None, detail="")

                class Shown:
                    def show(self, detail: str, *, done: int | None = None, total: int | None = None) -> None:
                        live.update(task, completed=done, total=total, detail=_counted(detail, done, total))

                yield Shown()
            ok = True
        finally:
            mark = "[green]✓[/]" if ok else "[red]✗[/]"
            self._console.print(f"{mark} {title} [dim]{clock(time.monotonic() - started)}[/]", highlight=False)

    def note(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)


def _counted(detail: str, done: int | None, total: int | None) -> str:
    if done is None:
        return detail
    return f"{done} {detail}" if total is None else f"{done} of {total} {detail}"
