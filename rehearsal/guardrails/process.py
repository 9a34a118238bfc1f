"""The pack's process, started and spoken to as the engine does (pulumi/pulumi, pulumi-language-python RunPlugin).

Whatever goes wrong with it, ends it or hangs is a RehearsalError that says so: a check without a verdict never passes.
"""

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
from pulumi.runtime.proto import analyzer_pb2_grpc

from rehearsal.errors import RehearsalError
from rehearsal.paths import PROJECT_DIR

PACK_DIR: Final = PROJECT_DIR / "policies"

START_SECONDS: Final = 30.0
"""To import the SDK and listen: half a second on an idle machine."""

CALL_SECONDS: Final = 60.0
"""For one answer. The whole stack of 5,000 resources takes 15 s on two busy cores."""

_LARGEST_MESSAGE: Final = 400 << 20
"""As the engine's own channels; the default of 4 MiB is less than a large stack."""


class PackProcess:
    """A started pack. `call` asks it one thing."""

    def __init__(self, process: "subprocess.Popen[bytes]", stub: Any, said: Any, patience: float) -> None:
        self._process, self._stub, self._said, self._patience = process, stub, said, patience

    def call(self, method: str, request: Any, about: str) -> Any:
        """The pack's answer. `about` says in messages what was being judged."""
        ask: Callable[..., Any] = getattr(self._stub, method)
        try:
            return ask(request, timeout=self._patience)
        except grpc.RpcError as error:
            raise self._failure(error, about) from None

    def offer(self, method: str, request: Any) -> Any:
        """As `call`, for what a pack need not have (Handshake): None then."""
        try:
            return getattr(self._stub, method)(request, timeout=self._patience)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise self._failure(error, method) from None

    @property
    def pid(self) -> int:
        return self._process.pid

    def _failure(self, error: Any, about: str) -> RehearsalError:
        try:
            code = self._process.wait(timeout=1) if error.code() is grpc.StatusCode.UNAVAILABLE else None
        except subprocess.TimeoutExpired:
            code = None
        if code is not None:
            return RehearsalError(f"The guardrails' process ended (exit code {code}) while judging {about}.")
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return RehearsalError(
                f"The guardrails gave no answer for {self._patience:g} s while judging {about}; nothing was decided."
            )
        # Without the details: they quote what was being judged, and that may be secret.
        return RehearsalError(f"The guardrails failed while judging {about}: {error.code().name}.")


@contextmanager
def started(pack: Path = PACK_DIR, patience: float = CALL_SECONDS) -> Iterator[PackProcess]:
    """The pack in `pack`, running until the block is left."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:0", str(pack)],
            cwd=pack,
            # Nothing of ours may configure it: the engine hands it its configuration by protocol.
            env={name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        try:
            port = _port(process, said)
            with grpc.insecure_channel(
                f"127.0.0.1:{port}",
                options=[
                    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
                    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
                ],
            ) as channel:
                yield PackProcess(process, analyzer_pb2_grpc.AnalyzerStub(channel), said, patience)
        finally:
            _end(process)


def _port(process: "subprocess.Popen[bytes]", said: Any) -> int:
    """The first line that a pack prints."""
    assert process.stdout is not None  # noqa: S101 - it was asked for, for mypy
    deadline = time.monotonic() + START_SECONDS
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise RehearsalError(f"The guardrails did not start within {START_SECONDS:g} s.")
        piece = os.read(process.stdout.fileno(), 64)
        if not piece:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()[-1:]
            raise RehearsalError(f"The guardrails don't start (exit code {process.wait()}): {''.join(last)}")
        line += piece
    try:
        return int(line)
    except ValueError:
        raise RehearsalError("The guardrails printed something else than their port.") from None


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
