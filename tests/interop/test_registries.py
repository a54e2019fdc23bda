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

# What is not the client's, and differs between registries.
_OF_SOME_REGISTRIES = {
    "test_a_repository_that_is_not_there_has_no_tags",  # olareg says that it has none, and no error
    "test_a_tag_moves_and_what_it_named_stays",  # zot forgets a manifest with its last tag
}
globals().update(
    {
        name: value
        for name, value in vars(contract).items()
        if name.startswith("test_") and name not in _OF_SOME_REGISTRIES
    }
)
