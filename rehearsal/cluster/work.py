"""Work on many objects at once, that ends well when it is interrupted."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import TracebackType
from typing import Final, TypeVar

from rehearsal.cluster.client import ApiError, Client
from rehearsal.errors import RehearsalError

Item = TypeVar("Item")
Result = TypeVar("Result")

# The API server is on the same machine: more threads than this only wait for it and for Python's lock.
_THREADS: Final = 8


class Refused(RehearsalError):
    """One object can't be brought about; the others can. The message is the reason alone."""


class Crew:
    """A pool of threads. Leaving its block by an exception (Ctrl-C) drops what has not begun and tells what has."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS)
        self.stopping = threading.Event()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is not None:
            self.stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def each(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Result | Refused]]:
        """Each item with what `function` made of it, or why it was refused, as they come.

        Other errors are raised at once: when the cluster is out of reach, every object would only say so again.
        """
        futures = {self._pool.submit(self._run, function, item): item for item in items}
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except Refused as refusal:
                yield futures[future], refusal
            except ApiError as refusal:
                yield futures[future], Refused(refusal.message)

    def _run(self, function: Callable[[Item], Result], item: Item) -> Result:
        if self.stopping.is_set():
            raise Refused("not tried")
        try:
            return function(item)
        except (Refused, ApiError):
            raise
        except BaseException:
            self.stopping.set()  # before the caller hears of it: no other thread is to begin and wait as long
            raise

    def wait_until_gone(
        self, client: Client, api_version: str, kind: str, name: str, namespace: str | None, uid: str, seconds: float
    ) -> None:
        """Returns when the object of that uid is no more.

        Raises Refused after `seconds`, naming the finalizers that hold it, and when work is being stopped.
        """
        pause, waited = 0.05, 0.0
        while (live := client.get(api_version, kind, name, namespace)) and live["metadata"]["uid"] == uid:
            what = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
            if waited >= seconds:
                held = ", ".join(live["metadata"].get("finalizers", [])) or "the garbage collector"
                raise Refused(f"{what} is still being deleted after {seconds:.0f} s, held by {held}")
            if self.stopping.wait(pause):
                raise Refused(f"interrupted while {what} was being deleted")
            waited += pause
            pause = min(pause * 1.5, 0.5)
