"""Cheap stack traces: where in the program a resource was declared, and nothing else of the stack."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pulumi.runtime.proto.source_pb2 import SourcePosition, StackFrame, StackTrace

_HOOK: Final = "_get_stack_trace"
"""The SDK's private function (pulumi.runtime.resource) that describes the stack to the engine with every resource."""
_CONSTRUCTORS: Final = 3
"""Of Resource, of CustomResource or ComponentResource, of the own class: the SDK begins at who calls them."""


@contextmanager
def program_frames_only(folder: Path) -> Iterator[None]:
    """While it lasts the SDK tells of the frames of the program in `folder` alone.

    By itself it sends the whole stack, command line and event loop included, each frame by way of linecache and
    pathlib: a fifth of the time of a run (1.99 s against 1.58 s for 400 resources). We only ever ask for the innermost
    line of the program. An SDK without that function keeps doing what it does.
    """
    from pulumi.runtime import resource

    whole: Callable[[], StackTrace] | None = getattr(resource, _HOOK, None)
    if whole is None:
        yield
        return

    @functools.cache
    def uri(file: str) -> str:
        path = Path(file)
        return path.as_uri() if path.is_relative_to(folder) and "site-packages" not in path.parts else ""

    def program_frames() -> StackTrace:
        found: list[StackFrame] = []
        constructors, frame = 0, sys._getframe(1).f_back
        while frame is not None:
            if constructors < _CONSTRUCTORS:
                constructors += frame.f_code.co_name == "__init__"
            elif place := uri(frame.f_code.co_filename):
                found.append(StackFrame(pc=SourcePosition(uri=place, line=frame.f_lineno)))
            frame = frame.f_back
        return StackTrace(frames=found)

    setattr(resource, _HOOK, program_frames)
    try:
        yield
    finally:
        setattr(resource, _HOOK, whole)
