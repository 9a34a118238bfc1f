"""What the SDK's requests say about a resource, in our own terms."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pulumi.runtime.proto.source_pb2 import StackTrace

from rehearsal.engine import wire
from rehearsal.engine.model import Resource
from rehearsal.engine.urns import PROVIDER_TYPE, alias_urn


def registered(request: Any, urn: str) -> Resource:
    """The resource of a RegisterResourceRequest, without id and outputs."""
    property_dependencies = {
        key: tuple(sorted(found.urns)) for key, found in sorted(request.propertyDependencies.items())
    }
    return Resource(
        urn=urn,
        type=request.type,
        name=request.name,
        parent=request.parent,
        custom=request.custom,
        inputs=_inputs(request),
        outputs={},
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace,
        provider=provider_urn(request),
        dependencies=tuple(sorted(request.dependencies)),
        property_dependencies=property_dependencies,
        ignore_changes=tuple(request.ignoreChanges),
        aliases=tuple(dict.fromkeys(alias_urn(alias, urn, request.parent) for alias in request.aliases)),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
    )


def _inputs(request: Any) -> dict[str, Any]:
    """As given; of a provider, with the version that the engine writes among them (seen with the CLI, 3.260)."""
    inputs = wire.to_dict(request.object)
    if request.type.startswith(PROVIDER_TYPE) and request.version:
        inputs["version"] = request.version
    return inputs


def read(request: Any, urn: str) -> Resource:
    """The resource of a ReadResourceRequest, without outputs."""
    return Resource(
        urn=urn,
        type=request.type,
        name=request.name,
        parent=request.parent,
        custom=True,
        inputs=wire.to_dict(request.properties),
        outputs={},
        id=request.id,
        provider=provider_urn(request),
        dependencies=tuple(sorted(request.dependencies)),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
    )


def provider_urn(request: Any) -> str:
    """The URN in a provider reference, `<urn>::<id>`; empty for a default provider."""
    return str(request.provider).rpartition("::")[0]


def place(stack_trace: StackTrace, folder: Path) -> str:
    """`file:line` of the innermost line of the program in `folder` that led to a request; empty if there is none."""
    for frame in stack_trace.frames:
        path = Path(unquote(urlsplit(frame.pc.uri).path))
        if path.is_relative_to(folder) and "site-packages" not in path.parts:
            return f"{path.relative_to(folder)}:{frame.pc.line}"
    return ""
