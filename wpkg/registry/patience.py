"""How long to wait, and how often to try again: 0.25 s, twice as long each time, a tenth of it by chance.

What a registry asks for with `Retry-After` is granted up to a minute. Chance, clock and sleep are arguments, so
that tests need not wait.
"""

from __future__ import annotations

import random
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_WAIT = 0.25  # seconds
MAX_WAIT = 60.0  # seconds; a registry that asks for more is not waited for, unless somebody is more patient
JITTER = 0.1  # of the wait, up or down

# What may be different in a moment. 501 and 505 never are.
PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


# Those by which a registry says that it is not now, and may say when.
NOT_NOW = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class Patience(Struct, frozen=True):
    """What waiting is done with. `retries` counts attempts after the first one."""

    retries: int = 4
    sleep: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = random.random  # 0 to 1
    now: Callable[[], float] = time.time  # seconds since 1970
    longest: float = MAX_WAIT  # seconds that a registry may ask for

    def is_willing(self, attempt: int, asked: float | None) -> bool:
        """Whether to try again after `attempt` (0 for the first) when the registry `asked` to wait so long."""
        return attempt < self.retries and (asked or 0) <= self.longest

    def wait(self, attempt: int, asked: float | None = None) -> None:
        """Wait before the attempt after `attempt`."""
        delay = FIRST_WAIT * 2**attempt * (1 + JITTER * (2 * self.chance() - 1))
        self.sleep(max(delay, asked or 0.0))
