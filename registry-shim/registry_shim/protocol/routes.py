"""Which endpoint a path is, read from the right.

Grammar (distribution-spec v1.1.1, "Endpoints")::

    path ::= '/v2' '/'?
           | '/v2/_catalog'                            of docker's API, not in the specification
           | '/v2/' name '/manifests/' reference
           | '/v2/' name '/blobs/' digest
           | '/v2/' name '/blobs/uploads' '/'?
           | '/v2/' name '/blobs/uploads/' session
           | '/v2/' name '/tags/list'
           | '/v2/' name '/referrers/' digest

A name may have `blobs`, `manifests`, `uploads` and `tags` as components, so only the end of a path tells. The
name is taken as it was sent: nothing that needs percent-encoding can be part of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import unquote

from registry_shim.protocol.messages import ErrorCode, bad_request, echo, not_found
from wpkg.oci.digest import Digest, InvalidDigest
from wpkg.oci.reference import is_repository_path, is_tag

# image-spec v1.1.1 `descriptor.md`, "Digests": what a digest may look like under algorithms to come.
_ANY_DIGEST = re.compile(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):[a-zA-Z0-9=_-]+")
_COMPUTED = frozenset({"sha256", "sha512"})


class Endpoint(Enum):
    """What a path is."""

    API = auto()
    CATALOG = auto()
    MANIFEST = auto()
    BLOB = auto()
    UPLOADS = auto()
    UPLOAD = auto()
    TAGS = auto()
    REFERRERS = auto()


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint, the repository that it is of, and the last part of the path, decoded."""

    endpoint: Endpoint
    repository: str = ""
    item: str = ""  # reference, digest or session; not yet checked


def find_route(path: str) -> Route:
    """What `path`, as it was sent, is. Raises: Refusal."""
    if path in ("/v2/", "/v2"):
        return Route(Endpoint.API)
    if path == "/v2/_catalog":
        return Route(Endpoint.CATALOG)
    match path.split("/"):
        case ["", "v2", *name, "blobs", "uploads", ""] | ["", "v2", *name, "blobs", "uploads"]:
            endpoint, item = Endpoint.UPLOADS, ""
        case ["", "v2", *name, "blobs", "uploads", item]:
            endpoint = Endpoint.UPLOAD
        case ["", "v2", *name, "blobs", item]:
            endpoint = Endpoint.BLOB
        case ["", "v2", *name, "manifests", item]:
            endpoint = Endpoint.MANIFEST
        case ["", "v2", *name, "tags", "list"]:
            endpoint, item = Endpoint.TAGS, ""
        case ["", "v2", *name, "referrers", item]:
            endpoint = Endpoint.REFERRERS
        case _:
            raise not_found(ErrorCode.UNSUPPORTED, f"there is nothing at {echo(path)}")
    repository = "/".join(name)
    if not is_repository_path(repository):
        raise bad_request(ErrorCode.NAME_INVALID, f"{echo(repository)} is not the name of a repository")
    return Route(endpoint, repository, unquote(item))


def read_digest(text: str) -> Digest | None:
    """The digest that `text` spells, None for a well-formed one that this registry cannot compute.

    Nothing here can have the latter. Raises: Refusal.
    """
    try:
        return Digest.parse(text)
    except InvalidDigest as error:
        match = _ANY_DIGEST.fullmatch(text)
        if match is not None and match[1] not in _COMPUTED:
            return None
        raise bad_request(ErrorCode.DIGEST_INVALID, f"{echo(text)} is not a digest") from error


def read_computed_digest(text: str | None) -> Digest:
    """The digest that content is pushed under. Raises: Refusal."""
    if not text:
        raise bad_request(ErrorCode.DIGEST_INVALID, "the digest of the content is missing")
    digest = read_digest(text)
    if digest is None:
        raise bad_request(ErrorCode.DIGEST_INVALID, f"{echo(text)}: only sha256 and sha512 are supported")
    return digest


def read_reference(text: str) -> Digest | str | None:
    """The digest or tag that names a manifest; None as for `read_digest`. Raises: Refusal."""
    if ":" in text:
        return read_digest(text)
    if not is_tag(text):
        raise bad_request(ErrorCode.NAME_INVALID, f"{echo(text)} is not a tag")
    return text
