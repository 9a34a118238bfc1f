"""One order of resources, whatever order they happened to be registered in."""

from collections.abc import Mapping
from graphlib import TopologicalSorter

from rehearsal.engine.model import Resource


def in_order(resources: Mapping[str, Resource]) -> dict[str, Resource]:
    """`resources` so that each comes after its parent, its provider and all it depends on; by URN where that leaves a
    choice.

    The SDK keeps dependencies in sets of objects, which iterate by address: with `depends_on` in a program, the order
    of registration differs from run to run.
    """
    sorter = TopologicalSorter(
        {
            urn: {urn for urn in (resource.parent, resource.provider, *resource.dependencies) if urn in resources}
            for urn, resource in resources.items()
        }
    )
    sorter.prepare()
    ordered: dict[str, Resource] = {}
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered |= {urn: resources[urn] for urn in ready}
        sorter.done(*ready)
    return ordered
