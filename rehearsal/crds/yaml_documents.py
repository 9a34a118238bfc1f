"""Reading the YAML that operators write their CRDs in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

# libyaml reads these files about ten times as fast; a PyYAML built without it has the same loader in Python.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # the base is chosen at run time
    """YAML 1.1 without its `=` value type: Prometheus' CRDs have a bare `=` in an enum (yaml/pyyaml#89)."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own class attribute
        first: [resolver for resolver in resolvers if resolver[0] != "tag:yaml.org,2002:value"]
        for first, resolvers in _Base.yaml_implicit_resolvers.items()
    }


def crds_in(file: Path) -> Iterator[dict[str, Any]]:
    """The CustomResourceDefinitions in a YAML or JSON file; other documents are passed over."""
    with file.open(encoding="utf-8") as stream:
        for document in yaml.load_all(stream, Loader=_Loader):
            if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
                yield document
