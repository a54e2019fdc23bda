"""One registry upstream, asked through wpkg's client; while it is down, not asked by every request again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from registry_shim.store.documents import read_document
from registry_shim.upstream.address import Upstream, sort_upstreams
from registry_shim.upstream.failures import describe_failure
from wpkg.errors import WpkgError
from wpkg.registry.client import RegistryClient
from wpkg.registry.credentials import Credentials
from wpkg.registry.errors import AskedToWait, NotFound, Unreachable
from wpkg.registry.patience import Patience
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from registry_shim.store.documents import Document
    from wpkg.registry.interface import FetchedManifest

RETRIES = 2  # clients have patience of their own
READ_TIMEOUT = 30.0  # seconds without a byte; clients give up at about a minute
LONGEST_WAIT = 2.0  # seconds that a registry may ask for and that a client waits here; else it is told to
OUTAGE_SECONDS = 5.0  # for which a registry that could not be reached is not asked again
LONGEST_PAUSE = 60.0  # seconds for which it is not asked again when it asks for that, or for more

logger = logging.getLogger("registry_shim")

T = TypeVar("T")


class Source:
    """An upstream and its client. Safe for several threads. `monotonic` gives seconds."""

    def __init__(self, upstream: Upstream, client: RegistryClient, monotonic: Callable[[], float]) -> None:
        self.upstream = upstream
        self.client = client
        self._monotonic = monotonic
        self._outage: tuple[float, WpkgError] | None = None  # until when it is not asked, and why

    def ask(self, action: Callable[[RegistryClient], T]) -> T:
        """What `action` gets from the client. Raises: NotFound, UpstreamFailed."""
        outage = self._outage
        if outage is not None and (left := outage[0] - self._monotonic()) > 0:
            raise describe_failure(self.upstream.registry, _still(outage[1], left))
        try:
            found = action(self.client)
        except WpkgError as error:
            seconds = _pause_after(error)
            self._outage = (self._monotonic() + seconds, error) if seconds else None
            raise self._told(error) from error
        self._outage = None
        return found

    def transfer(self, action: Callable[[RegistryClient], T]) -> T:
        """The same for something long, which may break off without the registry being down.

        Raises: NotFound, UpstreamFailed.
        """
        try:
            return action(self.client)
        except WpkgError as error:
            raise self._told(error) from error

    def read(self, fetched: FetchedManifest) -> Document:
        """What a manifest from there is. Raises: UpstreamFailed."""
        try:
            return read_document(fetched.data, fetched.descriptor.media_type)
        except WpkgError as error:
            raise self._told(error) from error

    def _told(self, error: WpkgError) -> WpkgError:
        """The error for whoever asked; the log has all of it."""
        if isinstance(error, NotFound):
            return error
        logger.warning("upstream: %s", error)
        return describe_failure(self.upstream.registry, error)


def _pause_after(error: WpkgError) -> float:
    """The seconds for which whoever failed so is left alone."""
    if isinstance(error, AskedToWait):
        return min(error.seconds or 0.0, LONGEST_PAUSE)
    return OUTAGE_SECONDS if isinstance(error, Unreachable) else 0.0


def _still(error: WpkgError, left: float) -> WpkgError:
    """The error as it is when `left` seconds of the pause after it are left."""
    return AskedToWait(error.message, error.status, left) if isinstance(error, AskedToWait) else error


def connect(
    options: Sequence[str], environment: Mapping[str, str], monotonic: Callable[[], float]
) -> list[Source]:
    """The upstreams that `options` name, asked with the credentials of whoever runs this registry.

    Raises: InvalidInput.
    """

    def warn(text: str) -> None:
        logger.warning("upstream: %s", text)

    credentials = Credentials(environment, warn)
    sources = []
    for upstream in sort_upstreams([Upstream.parse(option) for option in options]):
        patience = Patience(RETRIES, longest=LONGEST_WAIT)
        transport = Transport(credentials.find, warn, upstream.plain_http, patience, READ_TIMEOUT)
        sources.append(Source(upstream, RegistryClient(transport), monotonic))
    return sources
