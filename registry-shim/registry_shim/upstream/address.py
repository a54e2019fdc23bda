"""Which names here stand for which repositories of another registry.

Grammar of the option::

    upstream ::= ( 'https' | 'http' ) '://' host (':' port)? ( '/' path )? ( ',' prefix )?

With a prefix, `prefix/name` here is `path/name` there; without one, every name here is one there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.oci.reference import Repository, is_repository_path
from wpkg.registry.origins import DOCKER_HUB, base_url

if TYPE_CHECKING:
    from collections.abc import Sequence

HINT = "for example --upstream https://ghcr.io,ghcr"


class Upstream(Struct, frozen=True):
    """A registry, the part of it that is mirrored, and what that is called here."""

    registry: str  # host or host:port
    is_plain: bool  # http
    path: str  # '' for all of it
    prefix: str  # '' for every name here

    @classmethod
    def parse(cls, text: str) -> Self:
        """What an option says. Raises: InvalidInput."""
        url, comma, prefix = text.partition(",")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        path = parts.path.strip("/")
        is_address = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
        if not is_address or parts.query or parts.fragment or (path and not is_repository_path(path)) or port == 0:
            raise InvalidInput(f"'{text}' is not the address of a registry", hint=HINT)
        if comma and not is_repository_path(prefix):
            raise InvalidInput(f"'{prefix}' cannot begin the name of a repository", hint=HINT)
        upstream = cls(parts.netloc, parts.scheme == "http", path, prefix)
        if not base_url(upstream.registry, upstream.plain_http).startswith(f"{parts.scheme}:"):
            raise InvalidInput(
                f"'{url}' is on this machine, where registries speak plain http", hint=f"--upstream http{url[5:]}"
            )
        return upstream

    @property
    def plain_http(self) -> frozenset[str]:
        """The registries that the client is to speak http with."""
        return frozenset({self.registry} if self.is_plain else ())

    def repository(self, name: str) -> Repository | None:
        """What `name` here is there, None where it is nothing of this upstream."""
        rest = name
        if self.prefix:
            if not name.startswith(f"{self.prefix}/"):
                return None
            rest = name[len(self.prefix) + 1 :]
        return Repository(self.registry, f"{self.path}/{rest}" if self.path else rest)

    def name_of(self, registry: str, repository: str) -> str | None:
        """What `repository` of `registry` is here, None where it is nothing of this upstream."""
        if registry != self.registry and not {registry, self.registry} <= DOCKER_HUB:
            return None
        rest = repository
        if self.path:
            if not repository.startswith(f"{self.path}/"):
                return None
            rest = repository[len(self.path) + 1 :]
        return f"{self.prefix}/{rest}" if self.prefix else rest


def sort_upstreams(upstreams: Sequence[Upstream]) -> list[Upstream]:
    """The longest prefix first, so that the first one that fits is the one. Raises: InvalidInput."""
    prefixes = [upstream.prefix for upstream in upstreams]
    for prefix in prefixes:
        if prefixes.count(prefix) > 1:
            what = f"the prefix '{prefix}'" if prefix else "every name"
            raise InvalidInput(
                f"{what} has more than one upstream", hint="give each --upstream a prefix of its own"
            )
    return sorted(upstreams, key=lambda upstream: (-len(upstream.prefix), upstream.prefix))
