"""Small projects, written to a folder of their own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest


@pytest.fixture
def write_project(tmp_path: Path) -> Callable[..., Path]:
    """Writes a project `demo` and returns its folder: the program, the schema's YAML, each stack's configuration, and
    further files."""

    def write(
        program: str = "",
        *,
        schema: str = "",
        stacks: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        folder: str = "project",
    ) -> Path:
        project = tmp_path / folder
        project.mkdir(exist_ok=True)
        block = "config:\n" + "".join(f"  {line}\n" for line in dedent(schema).strip().splitlines()) if schema else ""
        (project / "Pulumi.yaml").write_text(f"name: demo\nruntime: python\n{block}")
        for stack, config in (stacks or {"dev": ""}).items():
            lines = "".join(f"  {line}\n" for line in dedent(config).strip().splitlines()) or "  {}\n"
            (project / f"Pulumi.{stack}.yaml").write_text(f"config:\n{lines}")
        (project / "__main__.py").write_text(dedent(program))
        for name, text in (files or {}).items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(dedent(text))
        return project

    return write
