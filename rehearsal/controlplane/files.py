"""Writing files that are whole or not there, and nobody else's to read."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Put `content` there with mode 0600 by one rename; a file that says the same already is not touched."""
    if path.exists() and path.read_bytes() == content:
        return
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    partial.rename(path)


def private_dir(path: Path) -> Path:
    """That folder, made now (with its parents) if need be, as 0700."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
