"""The daemons of one control plane: started detached, found again by a later command, ended without a trace.

There is no supervisor. Each daemon has a record, `<name>.json`, with its pid and the time it began, which together
name a process even after its pid has been given to another. A record can get lost (a command killed between start and
record), so every daemon also carries the plane's folder in its environment, which its children inherit.
"""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from rehearsal.controlplane.files import private_dir, write_private
from rehearsal.controlplane.interrupts import deferred
from rehearsal.errors import RehearsalError

_MARK_PLANE = "REHEARSAL_PLANE_DIR"
_MARK_NAME = "REHEARSAL_PROCESS"

# What a daemon sees of our environment: nothing that could configure it (ETCD_NAME would be an etcd flag).
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "TZ")

# Seconds between SIGTERM and SIGKILL, and between two looks at what has ended.
_GRACE = 10.0
_POLL = 0.02

# Seconds. psutil reckons the time a process began from the time of boot, which follows adjustments of the clock.
_CLOCK_TOLERANCE = 2.0

# Children of this very process, kept so that they are reaped when they end.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


@dataclass(frozen=True)
class Record:
    """One started daemon. `identity` tells whether it is still what would be started now."""

    pid: int
    began: float
    identity: str


class ProcessTable:
    """The daemons of the plane in `folder`: records in its `processes`, output in its `logs`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._records = self._folder / "processes"
        self._logs = self._folder / "logs"

    def ensure(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        inputs: Iterable[Path] = (),
        before_start: Callable[[], None] = lambda: None,
    ) -> bool:
        """Have `argv` running under that name; True if it had to be started.

        A process that runs with other arguments, environment or contents of the `inputs` files is ended first;
        `before_start` is called when none runs.
        Raises RehearsalError when the program can't be executed.
        """
        identity = _identity(argv, env, inputs)
        record = self._read(name)
        if record and record.identity == identity and _process(record):
            return False
        self.stop([name])
        before_start()
        private_dir(self._records)
        private_dir(self._logs)
        with deferred(), os.fdopen(os.open(self.log(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
            try:
                child = subprocess.Popen(
                    argv,
                    cwd=self._folder,
                    env={**self._environment(name), **env},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise RehearsalError(f"{name} can't be started: {argv[0]}: {error.strerror}") from error
            _children[child.pid] = child
            began = psutil.Process(child.pid).create_time()
            content = json.dumps(asdict(Record(child.pid, began, identity))).encode()
            write_private(self._record_file(name), content)
        return True

    def names(self) -> list[str]:
        """Every daemon that has a record, running or not."""
        return sorted(path.stem for path in self._records.glob("*.json"))

    def pid(self, name: str) -> int | None:
        """Its process id, or None when it does not run."""
        record = self._read(name)
        return record.pid if record and _process(record) else None

    def resident(self) -> dict[str, int]:
        """Resident memory in bytes of every running daemon, by name."""
        sizes = {}
        for name in self.names():
            if (record := self._read(name)) and (process := _process(record)):
                with suppress(psutil.NoSuchProcess):  # it ended just now
                    sizes[name] = process.memory_info().rss
        return sizes

    def log(self, name: str) -> Path:
        """The file with what it printed since it was last started."""
        return self._logs / f"{name}.log"

    def log_tail(self, name: str, lines: int = 12) -> str:
        """The last lines of its log."""
        try:
            return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"

    def stop(self, names: Collection[str] | None = None) -> None:
        """End these daemons with their children; without names, all that is of this plane, recorded or not.

        SIGTERM goes to all, SIGKILL after _GRACE seconds. A record goes after its process: safe to be cut short.
        """
        listed = self.names() if names is None else names
        recorded = {process for name in listed if (record := self._read(name)) and (process := _process(record))}
        marked = {process for process, name in self.marked() if names is None or name in names}
        _end(recorded | marked)
        for name in listed:
            self._record_file(name).unlink(missing_ok=True)

    def marked(self) -> Iterator[tuple[psutil.Process, str]]:
        """Every process of this plane with the name of its daemon, children of daemons included."""
        for process in psutil.process_iter():
            try:
                environment = process.environ()
            except (psutil.Error, OSError):  # another user's, or ended meanwhile
                continue
            if environment.get(_MARK_PLANE) == str(self._folder):
                yield process, environment.get(_MARK_NAME, "")

    def _environment(self, name: str) -> dict[str, str]:
        inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
        return inherited | {_MARK_PLANE: str(self._folder), _MARK_NAME: name}

    def _record_file(self, name: str) -> Path:
        return self._records / f"{name}.json"

    def _read(self, name: str) -> Record | None:
        try:
            return Record(**json.loads(self._record_file(name).read_bytes()))
        except FileNotFoundError:
            return None


def _process(record: Record) -> psutil.Process | None:
    """The process a record speaks of, or None if it has ended (even if another one has its pid by now)."""
    if child := _children.get(record.pid):
        child.poll()
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.began) < _CLOCK_TOLERANCE
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _end(processes: Collection[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in _outlasting(processes, _GRACE):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _outlasting(processes, _GRACE)


def _outlasting(processes: Collection[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still run after so many seconds.

    What has ended but was not reaped runs no more, unlike for psutil.wait_procs: in a container whose first process
    reaps nothing, or only now and then, `down` would wait for it in vain.
    """
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if not _ended(process)]) and time.monotonic() < deadline:
        time.sleep(_POLL)
    return alive


def _ended(process: psutil.Process) -> bool:
    if child := _children.get(process.pid):
        return child.poll() is not None
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _identity(argv: Sequence[str], env: Mapping[str, str], inputs: Iterable[Path]) -> str:
    digest = hashlib.sha256(json.dumps([list(argv), sorted(env.items())]).encode())
    for path in inputs:
        digest.update(path.read_bytes())
    return digest.hexdigest()
