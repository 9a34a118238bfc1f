"""A control plane from nothing to healthy, and back to nothing.

A plane stands for one EKS cluster and is named by the stack that owns it. All it has lies in its folder; several run
side by side, each on ports of its own.
"""

import json
import re
import shutil
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.controlplane.build import Binaries, ensure_binaries
from rehearsal.controlplane.components import (
    COMPONENTS,
    GROUPS,
    Blueprint,
    Component,
    Ports,
    api_url,
    client_kubeconfig,
)
from rehearsal.controlplane.files import private_dir, write_private
from rehearsal.controlplane.locks import exclusive
from rehearsal.controlplane.pki import CLIENTS, ensure_pki
from rehearsal.controlplane.ports import TAKEN, free_ports, is_free
from rehearsal.controlplane.processes import ProcessTable
from rehearsal.errors import RehearsalError, UserError
from rehearsal.paths import home_dir, plane_dir
from rehearsal.progress import Progress

# Seconds. Healthy is, on an idle machine, etcd after 0.2, the API server after 3.5, the others after 0.3.
_READY_TIMEOUT = 120.0
_RELEASE_TIMEOUT = 1.0
_POLL = 0.05

# How often a port may be lost to another program between being found free and being listened on.
_PORT_ATTEMPTS = 3

# The file in a plane's folder that names its programs and ports.
_MEMORY = "plane.json"


@dataclass(frozen=True)
class Plane:
    """A running control plane."""

    name: str
    folder: Path
    kubeconfig: Path
    url: str
    binaries: Binaries
    ports: Mapping[str, int]
    processes: Mapping[str, int]

    def client_kubeconfig(self, client: str) -> Path:
        """The kubeconfig of one of pki.CLIENTS, for a process that should be told apart from the user."""
        return client_kubeconfig(self.folder, client)


@dataclass(frozen=True)
class ProcessStatus:
    """One process of a plane: its id (None: not running), and its resident memory in bytes."""

    pid: int | None
    resident: int


@contextmanager
def plane_lock(name: str, progress: Progress) -> Generator[None]:
    """Be the only command that works on that plane; re-entrant, so a whole `up` can hold it around `start`."""
    private_dir(home_dir())
    with exclusive(_lock_file(name), f"another rehearsal command at work on {name}", progress):
        yield


def start(name: str, progress: Progress) -> Plane:
    """Have the control plane of that name running and healthy: whatever is missing, dead or outdated is started.

    Builds the programs first where the cache has none. Raises RehearsalError with the last lines of its log when a
    component ends or does not become healthy.
    """
    _check_name(name)
    binaries = ensure_binaries(progress)
    with plane_lock(name, progress):
        folder = private_dir(plane_dir(name).resolve())
        blueprint = Blueprint(name, folder, binaries, ensure_pki(folder / "pki"))
        table = ProcessTable(folder)
        _binaries, ports = _remembered(folder)
        with progress.step(f"starting the control plane {name}") as step:
            for group in GROUPS:
                step.show(", ".join(group))
                ports = _start_group(blueprint, table, group, ports)
        return _plane(name, folder, binaries, ports)


def attach(name: str) -> Plane:
    """The control plane of that name as it runs now. Raises UserError when it does not."""
    _check_name(name)
    if not running(name):
        others = ", ".join(filter(running, planes())) or "none"
        raise UserError(f"the control plane {name} is not running (running: {others}); `up` brings it up")
    folder = plane_dir(name).resolve()
    binaries, ports = _remembered(folder)
    return _plane(name, folder, Binaries(binaries), ports)


def register_process(plane: Plane, name: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Have one more daemon running as part of the plane, ended by `stop` with all others; restarted when it is dead.

    It runs in the plane's folder, logs to `logs/<name>.log` and sees only `env`, PATH and the like, and KUBECONFIG: its
    own if it is one of pki.CLIENTS, else the admin's.
    """
    if name in COMPONENTS:
        raise ValueError(f"{name} is a component of the control plane")
    kubeconfig = plane.client_kubeconfig(name if name in CLIENTS else "admin")
    ProcessTable(plane.folder).ensure(name, argv, {"KUBECONFIG": str(kubeconfig), **env}, inputs=[kubeconfig])


def stop(name: str, progress: Progress) -> bool:
    """End everything of that plane and remove its folder, data included; False if there was nothing.

    Can be interrupted and repeated. The build cache stays.
    """
    _check_name(name)
    table = ProcessTable(plane_dir(name))
    left = plane_dir(name).exists() or _lock_file(name).exists() or any(table.marked())  # the folder may be deleted
    if not left:
        return False
    with plane_lock(name, progress), progress.step(f"ending the control plane {name}"):
        table.stop([daemon for daemon in table.names() if daemon not in COMPONENTS])
        for group in reversed(GROUPS):  # an API server that lost its etcd first takes 11 s to end
            table.stop(group)
        table.stop()
        if plane_dir(name).exists():
            shutil.rmtree(plane_dir(name))
        _lock_file(name).unlink(missing_ok=True)  # who waits for it notices, and takes a new one
    return True


def status(name: str) -> dict[str, ProcessStatus]:
    """Every process the plane should have, components first; empty for a plane that is not there."""
    table = ProcessTable(plane_dir(name))
    resident = table.resident()
    names = [*COMPONENTS, *(extra for extra in table.names() if extra not in COMPONENTS)]
    return {each: ProcessStatus(table.pid(each), resident.get(each, 0)) for each in names} if table.names() else {}


def running(name: str) -> bool:
    """Whether all components of that plane run."""
    table = ProcessTable(plane_dir(name))
    return all(table.pid(component) for component in COMPONENTS)


def planes() -> list[str]:
    """The names of all planes that have a folder, running or not."""
    return sorted(folder.parent.name for folder in home_dir().glob("*/pki"))


def _start_group(blueprint: Blueprint, table: ProcessTable, group: Iterable[str], ports: Ports) -> Ports:
    """Have these components running and healthy; returns the ports with theirs in it."""
    for _attempt in range(_PORT_ATTEMPTS):
        ports = _with_ports(table, group, ports)
        _remember(blueprint.folder, blueprint.binaries, ports)
        if "kube-apiserver" in ports:
            blueprint.write_kubeconfigs(ports)
        components = {name: blueprint.component(name, ports) for name in group}
        for name, component in components.items():
            table.ensure(name, component.argv, component.env, component.inputs, component.before_start)
        lost = _wait(table, components)
        if not lost:
            return ports
        ports = {name: port for name, port in ports.items() if name not in lost}
    raise RehearsalError(f"{', '.join(group)}: other programs took {_PORT_ATTEMPTS} ports in a row")


def _plane(name: str, folder: Path, binaries: Binaries, ports: Ports) -> Plane:
    table = ProcessTable(folder)
    processes = {process: pid for process in table.names() if (pid := table.pid(process))}
    return Plane(name, folder, client_kubeconfig(folder, "admin"), api_url(ports), binaries, ports, processes)


def _with_ports(table: ProcessTable, names: Iterable[str], ports: Ports) -> Ports:
    """Ports for all `names`: those they listen on or used last, so that clients find them again, else free ones."""
    lacking = [name for name in names if name not in ports or not (table.pid(name) or _comes_free(ports[name]))]
    return {**ports, **dict(zip(lacking, free_ports(len(lacking)), strict=True))}


def _comes_free(port: int) -> bool:
    """Whether a port is free, or is let go of now: a killed process is dead a moment before its sockets are."""
    deadline = time.monotonic() + _RELEASE_TIMEOUT
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _wait(table: ProcessTable, components: Mapping[str, Component]) -> list[str]:
    """Wait until all are healthy; returns those that ended because their port was taken."""
    waiting, lost = dict(components), []
    deadline = time.monotonic() + _READY_TIMEOUT
    while waiting:
        for name, component in list(waiting.items()):
            if table.pid(name) is None:
                if TAKEN not in table.log_tail(name, lines=100):
                    raise RehearsalError(f"{name} ended while starting. Its last words:\n{table.log_tail(name)}")
                lost.append(name)
                del waiting[name]
            elif component.endpoint.healthy():
                del waiting[name]
        if waiting and time.monotonic() > deadline:
            table.stop(waiting)  # hung: the next attempt starts it anew
            tails = (
                f"{name} is not healthy after {_READY_TIMEOUT:.0f} s. Its last words:\n{table.log_tail(name)}"
                for name in waiting
            )
            raise RehearsalError("\n".join(tails))
        if waiting:
            time.sleep(_POLL)
    return lost


def _remember(folder: Path, binaries: Binaries, ports: Ports) -> None:
    content = {"binaries": str(binaries.folder), "ports": ports}
    write_private(folder / _MEMORY, json.dumps(content).encode())


def _remembered(folder: Path) -> tuple[Path, Ports]:
    """The programs' folder and the ports of the last start; no ports if there was none."""
    try:
        content = json.loads((folder / _MEMORY).read_bytes())
    except FileNotFoundError:
        return folder, {}
    return Path(content["binaries"]), content["ports"]


def _lock_file(name: str) -> Path:
    return home_dir() / f"{name}.lock"


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UserError(f"{name!r} can't name a control plane: letters, digits, dots, dashes and underscores only")
