"""What keeps one run of a program from the next: event loop, working folder, environment, imported modules."""

import asyncio
import contextlib
import gc
import importlib
import os
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from types import ModuleType
from typing import Final, TypeVar, TypeVarTuple, Unpack

from rehearsal.paths import PROJECT_DIR

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_OURS: Final = __name__.partition(".")[0]


class InlineLoop(asyncio.SelectorEventLoop):
    """An event loop that runs at once what it is asked to run in a thread.

    The SDK hands every call of the monitor to a thread, since a real one is remote. Ours only computes: at once is
    faster, leaves no threads behind, and makes the order of registration the same every time.
    """

    def run_in_executor(
        self, _executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def run_in_fresh_loop(main: Callable[[], Awaitable[None]]) -> None:
    """Runs `main()` to its end in a loop of its own, in this thread. Whatever a failure leaves behind is cancelled."""
    loop = InlineLoop()
    # After a failure asyncio would report every future that the failure left unread; the error itself is raised.
    loop.set_exception_handler(lambda _loop, _context: None)
    asyncio.set_event_loop(loop)
    try:
        with warnings.catch_warnings():
            # StackReference.get_output makes three coroutines and awaits the next only if the one before succeeds.
            warnings.filterwarnings("ignore", r"coroutine 'Output\.", RuntimeWarning)
            loop.run_until_complete(_awaited(main))
    finally:
        try:
            leftover = asyncio.all_tasks(loop)
            for task in leftover:
                task.cancel()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                loop.run_until_complete(asyncio.gather(*leftover, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


async def settled() -> None:
    """Returns when every other task is done, or one has failed.

    The SDK waits for its outputs as well, but looks at all that are left each time one is done, which is quadratic: it
    took half of the time of a program of 400 resources. After this it finds them done.
    """
    this = asyncio.current_task()
    while others := [task for task in asyncio.all_tasks() if task is not this]:
        done, _ = await asyncio.wait(others, return_when=asyncio.FIRST_EXCEPTION)
        if any(task.cancelled() or task.exception() for task in done):
            return


async def _awaited(main: Callable[[], Awaitable[None]]) -> None:
    await main()


def discard_leftovers(error: BaseException) -> None:
    """Collects what a run that failed with `error` leaves, its traceback included, without Python's warnings about
    coroutines that it never came to await."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for cause in causes(error):
            cause.__traceback__ = None
        gc.collect()


def causes(error: BaseException) -> list[BaseException]:
    """`error`, what caused it, what was being handled then, and so on. The SDK raises some errors from themselves."""
    found = [error]
    for known in found:
        found += [cause for cause in (known.__cause__, known.__context__) if cause is not None and cause not in found]
    return found


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Without the cyclic garbage collector: a program of 300 resources creates so many futures that it took 43 % of the
    time (1.31 s against 0.75 s). What a run leaves is collected afterwards, as always."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def project_environment(folder: Path) -> Iterator[None]:
    """The program's folder as working folder and first import path, and only its own modules importable from there."""
    before = Path.cwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        # An f-string over an Output would put a warning text into the resource; this makes it an error.
        with environment({"PULUMI_ERROR_OUTPUT_STRING": "1"}), _own_modules(folder):
            yield
    finally:
        sys.path.remove(str(folder))
        os.chdir(before)


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """`variables` in the process environment, and what was there before afterwards."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _own_modules(folder: Path) -> Iterator[None]:
    """Keeps the modules of two projects apart.

    The project that this rehearsal is part of keeps its modules imported: they are the same for every stack, and
    importing them is most of the time of a run. Any other project imports its own afresh, and leaves none behind.
    """
    if folder == PROJECT_DIR:
        yield
        return
    own = _top_level_names(folder)
    aside = _take_out(lambda top, module: top in own or _belongs(module, PROJECT_DIR))
    try:
        yield
    finally:
        _take_out(lambda _top, module: _belongs(module, folder))
        sys.modules.update(aside)
        _forget_classes()


def _forget_classes() -> None:
    """Empties the SDK's caches about classes: they would keep every class, module and resource of a run alive."""
    types = sys.modules.get("pulumi._types")
    for function in vars(types).values() if types else ():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


def _take_out(chosen: Callable[[str, ModuleType | None], bool]) -> dict[str, ModuleType]:
    """Removes from `sys.modules`, and returns, the packages chosen by name and top-level module; never our own."""
    tops = {name for name, module in sys.modules.items() if "." not in name and chosen(name, module)} - {_OURS}
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in tops}


def _top_level_names(folder: Path) -> set[str]:
    modules = {file.stem for file in folder.glob("*.py")} - {"__main__"}
    return modules | {entry.name for entry in folder.iterdir() if entry.is_dir() and any(entry.glob("*.py"))}


def _belongs(module: ModuleType | None, folder: Path) -> bool:
    """Whether a top-level module lies directly in `folder`; what is installed below it, in a virtualenv, does not."""
    if module is None or module.__name__ == "__main__":
        return False
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    return any(place and folder in (Path(place).parent, Path(place).parent.parent) for place in places)
