"""Uniform resource names: `urn:pulumi:<stack>::<project>::<type of parent>$<type>::<name>`."""

from typing import Final

from pulumi.runtime.proto.alias_pb2 import Alias

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE: Final = "pulumi:providers:"


def make_urn(stack: str, project: str, parent: str, kind: str, name: str) -> str:
    """The URN of a resource. The stack, parent of everything, is left out of the chain of types."""
    if parent and qualified_type(parent) != STACK_TYPE:
        kind = f"{qualified_type(parent)}${kind}"
    return f"urn:pulumi:{stack}::{project}::{kind}::{name}"


def qualified_type(urn: str) -> str:
    """The chain of types inside `urn`."""
    return urn.split("::", 3)[2]


def alias_urn(alias: Alias, urn: str, parent: str) -> str:
    """The URN that `alias` of the resource `urn` under `parent` means: what it leaves out is the resource's own."""
    if alias.WhichOneof("alias") == "urn":
        return str(alias.urn)
    spec = alias.spec
    head, project, kind, name = urn.split("::", 3)
    if spec.WhichOneof("parent") == "parentUrn" and spec.parentUrn:
        parent = spec.parentUrn
    elif spec.WhichOneof("parent") == "noParent" and spec.noParent:
        parent = ""
    own_type = kind.rpartition("$")[2]
    stack = spec.stack or head.removeprefix("urn:pulumi:")
    return make_urn(stack, spec.project or project, parent, spec.type or own_type, spec.name or name)
