"""One resource as the rules see it: its inputs, whatever the deployment will make of them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from guardrails.reading import Node, Unjudged

_RENAMED: Final = {"aws:s3/": "V2"}
"""Types that a provider has twice, under a name with this suffix; both mean the same resource."""


class Resource(Node):
    """A resource and its inputs, read from the root: `cluster.number("spec.instances")`.

    `type` is the token, `family` the token without what changes nothing about the meaning (API version, Patch).
    `provider`, `parent`, `depends_on` and `made_from` are URNs, the last by input; all but the first are known only
    once the stack is complete. Of Pulumi's options a pack sees `protect`; `retain_on_delete` and secretness it can't.
    """

    def __init__(
        self,
        urn: str,
        type_token: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        protect: bool = False,
        provider: str = "",
    ) -> None:
        super().__init__(self, "", inputs)
        self.urn, self.type, self.name, self.protect, self.provider = urn, type_token, name, protect, provider
        self.parent = ""
        self.depends_on: tuple[str, ...] = ()
        self.made_from: Mapping[str, tuple[str, ...]] = {}

    @cached_property
    def family(self) -> str:
        return family(self.type)

    @property
    def kind(self) -> str:
        """The last part of the type: `Cluster`, `NodeGroup`."""
        return self.type.rpartition(":")[2]

    @property
    def is_kubernetes(self) -> bool:
        return self.type.startswith("kubernetes:")

    @cached_property
    def object_name(self) -> str:
        """`metadata.name` of a Kubernetes object, which must be literal; else the resource's name in the program."""
        return self.text("metadata.name", self.name) if self.is_kubernetes else self.name

    @cached_property
    def namespace(self) -> str:
        """Of a Kubernetes object; empty where it has none."""
        return self.text("metadata.namespace", "") if self.is_kubernetes else ""

    @cached_property
    def labels(self) -> dict[str, str]:
        return self.texts("metadata.labels")

    @cached_property
    def annotations(self) -> dict[str, str]:
        return self.texts("metadata.annotations")

    @cached_property
    def where(self) -> str:
        """What messages call it: kind and name, and never more than what is known."""
        try:
            name = f"{self.namespace}/{self.object_name}" if self.namespace else self.object_name
        except Unjudged:
            name = self.name
        return f"{self.kind} {name}"

    def __repr__(self) -> str:
        return f"<{self.where}>"


def family(type_token: str) -> str:
    """A token without API version and Patch suffix; types that a provider has twice have one family."""
    if type_token.startswith("kubernetes:"):
        package, _, rest = type_token.partition(":")
        group, _, kind = rest.rpartition(":")
        return f"{package}:{group.rpartition('/')[0]}:{kind.removesuffix('Patch')}"
    for prefix, suffix in _RENAMED.items():
        if type_token.startswith(prefix):
            return type_token.removesuffix(suffix).replace(f"{suffix}:", ":")
    return type_token
