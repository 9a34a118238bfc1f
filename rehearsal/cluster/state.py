"""What the last `up` of a stack left behind: one file per stack, beside the control plane it is about.

Written after every object, whole and atomically, so that an interrupted `up` is continued by the next. Inputs are kept
as keyed hashes (HMAC-SHA256: the file alone does not let anyone try passwords against it); the only values kept are the
outputs of `random:*` resources, encrypted, because a password must not change from one `up` to the next.
"""

import hashlib
import hmac
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken

from rehearsal.controlplane.locks import exclusive
from rehearsal.engine.model import Evaluation, Secret, reveal
from rehearsal.errors import RehearsalError
from rehearsal.progress import Progress

_FORMAT: Final = 1
_KEPT_VALUES: Final = "random:"
_MARK: Final = "[secret]"  # the only key of an object that stands for a secret, inside the encrypted values


Address = tuple[str, str, str, str]
"""What the API server tells objects apart by: group, kind, namespace, name. Not by version."""


def address(api_version: str, kind: str, namespace: str | None, name: str) -> Address:
    return api_version.rpartition("/")[0], kind, namespace or "default", name


@dataclass(frozen=True)
class Entry:
    """One resource of the stack. `kind` is empty for those that live outside Kubernetes, kept for `protect` alone.

    `wave` is when it was applied, so that what left the program is deleted in the reverse order.
    """

    type: str
    name: str
    api_version: str = ""
    kind: str = ""
    namespace: str | None = None
    uid: str = ""
    hash: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    wave: int = 0

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind or self.type} {where}"

    @property
    def address(self) -> Address:
        return address(self.api_version, self.kind, self.namespace, self.name)


class State:
    """The state of one stack, held open under its lock. May be used by many threads."""

    def __init__(self, folder: Path, stack: str) -> None:
        self.stack = stack
        self._file = folder / f"{stack}.json"
        key = _key(folder / "key")
        self._fernet = Fernet(key)
        self._hash_key = hashlib.sha256(b"input hashes:" + key).digest()
        self._writing = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._values: dict[str, str] = {}
        self._load()

    @property
    def entries(self) -> Mapping[str, Entry]:
        """By URN, as they stand now."""
        with self._writing:
            return dict(self._entries)

    def get(self, urn: str) -> Entry | None:
        return self._entries.get(urn)

    def record(self, entries: Mapping[str, Entry]) -> None:
        """Sets these entries and saves, if that changes anything."""
        with self._writing:
            if any(self._entries.get(urn) != entry for urn, entry in entries.items()):
                self._entries |= entries
                self._save()

    def forget(self, urn: str) -> None:
        with self._writing:
            if self._entries.pop(urn, None):
                self._save()

    def rename(self, aliases: Mapping[str, str]) -> None:
        """Moves entries from former URNs (keys) to present ones (values), where there is nothing yet."""
        with self._writing:
            moves = {old: new for old, new in aliases.items() if old in self._entries and new not in self._entries}
            for old, new in moves.items():
                self._entries[new] = self._entries.pop(old)
                if old in self._values:
                    self._values[new] = self._values.pop(old)
            if moves:
                self._save()

    def digest(self, value: Any) -> str:
        """The keyed hash of a plain value."""
        content = json.dumps(value, sort_keys=True, separators=(",", ":"))
        return hmac.new(self._hash_key, content.encode(), hashlib.sha256).hexdigest()

    def keep_values(self, evaluation: Evaluation) -> None:
        """Keeps the outputs of this evaluation's random resources, for `previous_outputs` of the next."""
        with self._writing:
            values: dict[str, str] = {}
            for urn, resource in evaluation.resources.items():
                if resource.type.startswith(_KEPT_VALUES):
                    # Encrypting the same value again gives another text; what is kept and unchanged stays.
                    kept = self._values.get(urn)
                    same = kept is not None and self._decrypt(kept) == resource.outputs
                    values[urn] = kept if kept is not None and same else self._encrypt(resource.outputs)
            if values != self._values:
                self._values = values
                self._save()

    def previous_outputs(self) -> dict[str, dict[str, Any]]:
        """Outputs of random resources by URN, as the last evaluation had them; secrets are wrapped again."""
        return {urn: self._decrypt(token) for urn, token in self._values.items()}

    def erase(self) -> None:
        """Removes the file: nothing of the stack is left."""
        with self._writing:
            self._entries, self._values = {}, {}
            self._file.unlink(missing_ok=True)

    def _encrypt(self, outputs: Mapping[str, Any]) -> str:
        return self._fernet.encrypt(json.dumps(_plain(outputs)).encode()).decode()

    def _decrypt(self, token: str) -> dict[str, Any]:
        try:
            outputs: dict[str, Any] = _wrapped(json.loads(self._fernet.decrypt(token)))
        except InvalidToken as problem:
            raise self._damaged("its values don't fit the key beside it") from problem
        return outputs

    def _load(self) -> None:
        try:
            content = json.loads(self._file.read_bytes())
            if content["format"] != _FORMAT:
                raise self._damaged(f"it is of format {content['format']}, this version reads {_FORMAT}")
            self._entries = {urn: Entry(**entry) for urn, entry in content["resources"].items()}
            self._values = dict(content["values"])
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError) as problem:
            raise self._damaged("it is not what `up` writes") from problem

    def _save(self) -> None:
        content = {
            "format": _FORMAT,
            "resources": {urn: asdict(entry) for urn, entry in self._entries.items()},
            "values": self._values,
        }
        _write(self._file, json.dumps(content, indent=1).encode())

    def _damaged(self, why: str) -> RehearsalError:
        return RehearsalError(f"the state file {self._file} can't be used: {why}; `down` and `up` start afresh")


def previous_outputs(plane_folder: Path) -> dict[str, dict[str, Any]]:
    """The kept outputs of all stacks of a control plane: a hosted stack is evaluated together with its platform.

    Needs no lock, as files are replaced whole.
    """
    folder = plane_folder / "state"
    stacks = [State(folder, file.stem) for file in sorted(folder.glob("*.json"))]
    return {urn: outputs for state in stacks for urn, outputs in state.previous_outputs().items()}


@contextmanager
def open_state(plane_folder: Path, stack: str, progress: Progress) -> Iterator[State]:
    """The state of `stack` in a control plane's folder, locked until the end of the block.

    While another command holds it this one waits, and says so; it then goes on from what that one left.
    """
    folder = plane_folder / "state"
    with exclusive(folder / f"{stack}.lock", f"another command on stack {stack}", progress):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the other one may have been `down`
        yield State(folder, stack)


def _key(file: Path) -> bytes:
    """The key of this control plane's state files, made on first use. Two stacks may come at the same time."""
    with suppress(FileNotFoundError):
        return file.read_bytes()
    _write(file, Fernet.generate_key(), replace=False)
    return file.read_bytes()


def _write(file: Path, content: bytes, *, replace: bool = True) -> None:
    """Writes a file of mode 0600 such that a reader sees all of it or none; without `replace` the first one stays."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        if replace:
            Path(name).replace(file)
        else:
            with suppress(FileExistsError):
                file.hardlink_to(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return {_MARK: reveal(value.value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_MARK}:
            return Secret(value[_MARK])
        return {key: _wrapped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_wrapped(item) for item in value]
    return value
