import pytest

from rehearsal.crds.catalogue import load_crds
from rehearsal.crds.validate import CustomResources


@pytest.fixture(scope="session")
def custom_resources() -> CustomResources:
    """All CRDs of the rehearsal; fetched into the cache if this is their first use."""
    return CustomResources(load_crds())
