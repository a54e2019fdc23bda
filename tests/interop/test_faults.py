"""The same faults in front of registries that others wrote; docker-registry knows no referrers."""

from __future__ import annotations

import pytest

from tests.contract import test_faults as faults
from tests.interop.conftest import other_registries

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module", params=other_registries())
def shim(request: pytest.FixtureRequest) -> str:
    """What those tests call the registry behind the proxy."""
    return str(request.getfixturevalue(request.param))


client = faults.client
waits = faults.waits
proxy = faults.proxy
repository = faults.repository
filled = faults.filled
there = faults.there

test_reading = faults.test_reading
test_what_passes_does_no_harm_to_a_download = faults.test_what_passes_does_no_harm_to_a_download
test_what_does_not_pass_is_an_error = faults.test_what_does_not_pass_is_an_error
test_a_download_goes_on_where_it_broke_off = faults.test_a_download_goes_on_where_it_broke_off
test_a_rest_that_is_not_the_rest_is_refused = faults.test_a_rest_that_is_not_the_rest_is_refused
test_retry_after_is_granted_up_to_a_minute = faults.test_retry_after_is_granted_up_to_a_minute
test_pushing = faults.test_pushing
