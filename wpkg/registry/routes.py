"""How the origin of an address is reached: the pool of connections to it, or to the proxy that leads there.

`requests` knows what the environment says of proxies, and sets up TLS; it does so once for each origin. What else
it does for each request (cookies, passwords in addresses, headers in a second form) is not wanted here, and was
about a third of the time that a request takes of this process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from msgspec import Struct

from wpkg.registry.origins import address_of, is_loopback

if TYPE_CHECKING:
    import urllib3
    from requests.adapters import HTTPAdapter

    from wpkg.registry.origins import Origin


class Route(Struct, frozen=True):
    """The way to one origin."""

    pool: urllib3.HTTPConnectionPool
    prefix: str  # of what is asked for: the origin where a proxy has to be told it, else ''
    retries: urllib3.Retry  # none
    timeout: urllib3.Timeout

    def target(self, url: str) -> str:
        """What is asked for, so that it is `url`."""
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return f"{self.prefix}{parts.path or '/'}{query}"


def find_route(
    adapter: HTTPAdapter, place: Origin, certificates: str | None, timeouts: tuple[float, float]
) -> Route:
    """The way to an origin, by the proxies that the environment has for it.

    `certificates` is the file of those to trust, None for those that requests trusts. `timeouts` are seconds to
    connect and without a byte. Raises: OSError and ValueError for an address or proxy that is none.
    """
    import urllib3
    from requests import PreparedRequest
    from requests.utils import get_environ_proxies

    # Not the address that somebody gave: requests reads some of those in another way than who decided whether it
    # may be spoken to, and what it may be told.
    url = address_of(place)
    # A proxy cannot reach this machine's own addresses; what its variables say is for all others.
    proxies = {} if is_loopback(place[1]) else get_environ_proxies(url)
    request = PreparedRequest()
    request.prepare("GET", url)
    verify = certificates or True
    pool = cast("urllib3.HTTPConnectionPool", adapter.get_connection_with_tls_context(request, verify, proxies))
    adapter.cert_verify(pool, request.url, verify, None)  # type: ignore[no-untyped-call]
    whole = adapter.request_url(request, proxies)
    prefix = "" if whole.startswith("/") else whole.removesuffix(request.path_url)
    connect, read = timeouts
    return Route(pool, prefix, adapter.max_retries, urllib3.Timeout(connect=connect, read=read))
