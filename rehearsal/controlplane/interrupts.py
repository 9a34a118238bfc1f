"""Ctrl-C at the right moment: what must not be cut in half is finished first."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_like_ctrl_c() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, through KeyboardInterrupt and all clean-up."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)


@contextmanager
def deferred() -> Generator[None]:
    """Hold back SIGINT, SIGTERM and SIGHUP until the block is left; for a few short steps that belong together.

    Handlers are swapped rather than signals blocked: a blocked signal would stay blocked in processes started here.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs signal handlers in the main thread alone
        return
    arrived: list[int] = []
    before = {signum: signal.signal(signum, lambda number, _frame: arrived.append(number)) for signum in _ENDING}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        for number in dict.fromkeys(arrived):
            signal.raise_signal(number)


def _interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
