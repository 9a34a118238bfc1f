import random

from hypothesis import given
from hypothesis import strategies as st

from rehearsal.engine.model import Resource
from rehearsal.engine.ordering import in_order


def resource(name: str, *needs: str, parent: str = "", provider: str = "") -> Resource:
    return Resource(name, "t", name, parent, True, {}, {}, provider=provider, dependencies=needs)


RESOURCES = {
    each.urn: each
    for each in (
        resource("stack"),
        resource("provider", parent="stack"),
        resource("z", parent="stack", provider="provider"),
        resource("a", "z", "gone", parent="stack", provider="provider"),
        resource("b", parent="stack", provider="provider"),
        resource("c", "a", "b", parent="a"),
    )
}


def test_each_comes_after_what_it_needs() -> None:
    assert list(in_order(RESOURCES)) == ["stack", "provider", "b", "z", "a", "c"]


@given(st.integers())
def test_the_order_of_registration_does_not_matter(seed: int) -> None:
    shuffled = list(RESOURCES)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - an order, not a secret

    assert list(in_order({urn: RESOURCES[urn] for urn in shuffled})) == list(in_order(RESOURCES))
