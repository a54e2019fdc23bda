"""What every `Registry` does, by the client against registries that others wrote."""

from __future__ import annotations

import pytest

from tests.contract import test_registry as contract
from tests.interop.conftest import OTHER_REGISTRIES, other_registries, peer

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module", params=other_registries())
def shim_address(request: pytest.FixtureRequest) -> str:
    """What those tests call the registry."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def kind() -> str:
    return "http"


@pytest.mark.parametrize("name", OTHER_REGISTRIES)
def test_it_is_here(name: str) -> None:
    """The tests of this module and of test_faults are run against each that is."""
    assert peer(name)


registry = contract.registry
repository = contract.repository

# olareg says of a repository that nobody has pushed to that it has no tags.
_OF_REGISTRIES_THAT_KNOW = "test_a_repository_that_is_not_there_has_no_tags"
globals().update(
    {
        name: value
        for name, value in vars(contract).items()
        if name.startswith("test_") and name != _OF_REGISTRIES_THAT_KNOW
    }
)
