"""Which hosts may be spoken to, how, and what they may be told.

A registry's credentials are for its own origin: scheme, host and port. Redirects and upload locations may lead
to another host (storage behind the registry), which then gets no credentials, and never to an address inside a
network that the registry itself is not at. A token realm gets a password only when it belongs to the registry.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin, urlsplit

from wpkg.registry.errors import Unauthorized, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Collection

DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_DOCKER_HUB_API = "registry-1.docker.io"
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Names of hosts, and addresses; no percent-encoding (RFC 3986 §3.2.2). A backslash ends a host, for some parsers.
_HOST = re.compile(r"[0-9a-z._-]+|[0-9a-f:.]+(?:%[0-9A-Za-z._-]+)?")

Origin = tuple[str, str, int | None]  # scheme, host, port


def base_url(registry: str, plain_http: Collection[str] = ()) -> str:
    """`https://registry`; `http://` where it is on this machine or among `plain_http`, as host or host:port."""
    if registry in DOCKER_HUB:
        return f"https://{_DOCKER_HUB_API}"
    host = host_of(f"//{registry}")
    plain = is_loopback(host) or registry in plain_http or host in plain_http
    return f"{'http' if plain else 'https'}://{registry}"


@functools.lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: localhost or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@functools.lru_cache(maxsize=64)
def host_of(url: str) -> str:
    """The host in `url`, '' where there is none that can be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def authority(url: str) -> str:
    """The host in `url` with its port where one is written; 'the registry' where none can be read."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or "the registry"
    except ValueError:
        return "the registry"


@functools.lru_cache(maxsize=64)  # one request asks several times
def origin(url: str) -> Origin:
    """Scheme, host and port of `url`; all empty where it cannot be read, or might be read in another way."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None
    return (scheme, host, port or _DEFAULT_PORTS.get(scheme)) if _HOST.fullmatch(host) else ("", "", None)


def address_of(place: Origin) -> str:
    """The address of an origin, such as 'https://registry.example'. Raises: ValueError where it is none."""
    scheme, host, port = place
    if not host or port is None:
        raise ValueError("no address")
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}" + (f":{port}" if port != _DEFAULT_PORTS.get(scheme) else "")


def follow(url: str, location: str, what: str) -> str:
    """Where `location`, an answer of `url`, leads. Raises: UnexpectedAnswer when nobody should go there."""
    try:
        target = urldefrag(urljoin(url, location)).url  # a query that is added comes before no fragment
    except ValueError:
        target = ""
    (scheme, host, _), (from_scheme, from_host, _) = origin(target), origin(url)
    if scheme not in _DEFAULT_PORTS or not host:
        raise UnexpectedAnswer(f"{what}: the registry sent the location '{location[:200]}', which leads nowhere")
    if scheme == "http" and from_scheme == "https":
        raise UnexpectedAnswer(f"{what}: the registry redirects from https to plain http")
    if host != from_host and _is_inside(host):
        raise UnexpectedAnswer(f"{what}: the registry redirects to {host}, an address inside a network")
    return target


def next_page(url: str, link: str, what: str) -> str:
    """Where `link`, which an answer of `url` calls the next page, leads. Raises: UnexpectedAnswer."""
    try:
        target = urljoin(url, link)
    except ValueError:
        target = ""
    if origin(target) != origin(url):
        raise UnexpectedAnswer(f"{what}: the next page is said to be on another host")
    return target


def check_realm(registry_url: str, realm: str, what: str, *, with_credentials: bool) -> None:
    """Nothing when a token may be asked for at `realm`. Raises: Unauthorized.

    With credentials, the realm must be at the registry's host or at its registrable domain (publicsuffix.org).
    """
    scheme, host, _ = origin(realm)
    registry_scheme, registry_host, _ = origin(registry_url)
    if scheme not in _DEFAULT_PORTS or not host or "@" in realm:
        raise Unauthorized(f"{what}: the registry sends for a token to '{realm[:200]}', which is no address")
    if scheme == "http" and registry_scheme == "https":
        raise Unauthorized(f"{what}: the registry sends for a token to {host} without encryption")
    if host == registry_host:
        return
    if _is_inside(host):
        raise Unauthorized(f"{what}: the registry sends for a token to {host}, an address inside a network")
    if with_credentials and not _same_owner(host, registry_host):
        raise Unauthorized(
            f"{what}: the registry {registry_host} wants its password sent to {host}, which does not belong to it",
            hint=f"'wpkg logout {registry_host}' lets it be asked without a password",
        )


def leads_inside(registry: str, other: str) -> bool:
    """Whether `other`, which `registry` names, is an address inside a network that `registry` itself is not at."""
    host = host_of(f"//{other}")
    return host != host_of(f"//{registry}") and _is_inside(host)


def _is_inside(host: str) -> bool:
    """Whether `host` is this machine, or an address that is not of the public internet."""
    host = host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        import socket

        try:
            address = ipaddress.IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f000001, 2130706433
        except OSError:
            return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return not (mapped or address).is_global


def _same_owner(host: str, other: str) -> bool:
    """Whether two names lie in one registrable domain. Names without one, and addresses, belong to nobody."""
    from publicsuffixlist import PublicSuffixList

    suffixes = PublicSuffixList(accept_unknown=False)
    domain = suffixes.privatesuffix(host)
    return domain is not None and domain == suffixes.privatesuffix(other)
