"""The resources of a stack as a tree of components, and how many there are of each type."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.engine.model import Evaluation, Resource

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.tree import Tree


@dataclass
class Branch:
    """One resource and what it is the parent of. `total` counts everything below it."""

    name: str
    type: str
    custom: bool
    urn: str
    children: "list[Branch]" = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.children) + sum(child.total for child in self.children)

    def as_data(self) -> dict[str, Any]:
        """Plain dictionaries, for JSON."""
        plain = {"name": self.name, "type": self.type, "urn": self.urn, "total": self.total}
        return plain | {"children": [child.as_data() for child in self.children]}


def short_type(type_token: str) -> str:
    """`kubernetes:apps/v1:Deployment` as `Deployment`, `aws:ec2/vpc:Vpc` as `aws ec2 Vpc`, components by their name."""
    package, _, rest = type_token.partition(":")
    module, _, name = rest.rpartition(":")
    if package == "pulumi":
        return rest.replace(":", " ")
    if package in ("kubernetes", "retail"):
        return name
    return " ".join(part for part in (package, module.partition("/")[0], name) if part)


def resource_tree(evaluation: Evaluation) -> list[Branch]:
    """The roots (mostly one, the stack), with all else below them in the order of registration."""
    branches = {urn: _branch(resource) for urn, resource in evaluation.resources.items()}
    roots: list[Branch] = []
    for urn, resource in evaluation.resources.items():
        parent = branches.get(resource.parent)
        (roots if parent is None else parent.children).append(branches[urn])
    return roots


def _branch(resource: Resource) -> Branch:
    return Branch(resource.name, short_type(resource.type), resource.custom, resource.urn)


def type_counts(evaluation: Evaluation) -> dict[str, int]:
    """How many custom resources there are of each type, the most frequent first."""
    counts = Counter(short_type(resource.type) for resource in evaluation.resources.values() if resource.custom)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def render_tree(roots: list[Branch]) -> "Tree":
    """The tree for a terminal; equal leaves of one type under a component are listed on one line."""
    from rich.markup import escape
    from rich.tree import Tree

    def grow(node: Tree, branch: Branch) -> None:
        leaves: dict[str, list[str]] = {}
        for child in branch.children:
            if child.children or not child.custom:
                grow(node.add(title(child)), child)
            else:
                leaves.setdefault(child.type, []).append(child.name)
        for kind, names in leaves.items():
            count = f" [dim]x{len(names)}[/]" if len(names) > 1 else ""
            node.add(f"[cyan]{escape(kind)}[/]{count} {escape(', '.join(names))}")

    def title(branch: Branch) -> str:
        return f"[bold]{escape(branch.type)}[/] {escape(branch.name)} [dim]{branch.total}[/]"

    forest = Tree("", hide_root=True)
    for root in roots:
        grow(forest.add(title(root)), root)
    return forest


def render_counts(counts: dict[str, int]) -> "RenderableType":
    """A table of types and numbers, in as many columns as fit."""
    from rich.columns import Columns
    from rich.markup import escape

    return Columns([f"{number:4} {escape(kind)}" for kind, number in counts.items()], padding=(0, 2), column_first=True)
