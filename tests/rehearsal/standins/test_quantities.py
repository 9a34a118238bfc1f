import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standins.quantities import Resources, pod_requests, quantity, resources, total

GIB = 2**30


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("250m", 0.25),
        ("1", 1),
        (2, 2),
        ("1.5", 1.5),
        ("1536Mi", 1.5 * GIB),
        ("2Gi", 2 * GIB),
        ("1k", 1e3),
        ("1e3", 1e3),
    ],
)
def test_quantities(text: str, number: float) -> None:
    assert float(quantity(text)) == number


@pytest.mark.parametrize("text", ["", "Gi", "1GB", "one"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        quantity(text)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_millicores_and_mebibytes_are_exact(cpu: int, memory: int) -> None:
    assert resources({"cpu": f"{cpu}m", "memory": f"{memory}Mi"}) == Resources(cpu=cpu, memory=memory * 2**20)


def container(cpu: str, memory: str, **more: object) -> dict[str, object]:
    return {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


def test_containers_add_up_and_sidecars_with_them() -> None:
    spec = {
        "containers": [container("1", "1Gi"), container("500m", "1Gi")],
        "initContainers": [container("100m", "64Mi", restartPolicy="Always")],
    }
    assert pod_requests(spec) == Resources(cpu=1600, memory=2 * GIB + 64 * 2**20, pods=1)


def test_a_large_init_container_counts_instead() -> None:
    spec = {"containers": [container("1", "1Gi")], "initContainers": [container("2", "512Mi")]}
    assert pod_requests(spec) == Resources(cpu=2000, memory=GIB, pods=1)


def test_limits_stand_for_requests_that_are_not_given() -> None:
    spec = {"containers": [{"name": "c", "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "1"}}}]}
    assert pod_requests(spec) == Resources(cpu=1000, memory=GIB, pods=1)


def test_arithmetic() -> None:
    assert total([Resources(1, 2), Resources(3, 4, 5, 6)]) == Resources(4, 6, 5, 6)
    assert Resources(1, 1).within(Resources(1, 2))
    assert not Resources(2, 1).within(Resources(1, 2))
    assert not Resources(disk=1).within(Resources(1, 2))
