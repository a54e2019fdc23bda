"""What can be listed: repositories, the tags of one, and the referrers of a manifest.

Distribution-spec v1.1.1, "Listing Tags", "Listing Referrers".
"""

from __future__ import annotations

from bisect import bisect_right
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from registry_shim.limits import MAX_MANIFEST_SIZE, MAX_PAGE_DIGITS
from registry_shim.protocol.messages import (
    ErrorCode,
    Headers,
    Response,
    bad_request,
    echo,
    json_response,
    not_found,
)
from registry_shim.protocol.routes import read_computed_digest, read_digest
from wpkg.documents.strict_json import dump_json
from wpkg.oci.manifest import IMAGE_INDEX, Index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_shim.protocol.messages import Request
    from registry_shim.protocol.routes import Route
    from registry_shim.store.store import Store
    from wpkg.oci.descriptor import Descriptor


def get_api(_store: Store, _route: Route, _request: Request) -> Response:
    """That this is a registry ("Determining Support"); the header is for clients older than the specification."""
    return json_response(HTTPStatus.OK, {}, headers=(("Docker-Distribution-API-Version", "registry/2.0"),))


def get_tags(store: Store, route: Route, request: Request) -> Response:
    """One page of the tags, in ASCII order, with a link to the next."""
    repository = store.find(route.repository)
    if repository is None:
        raise not_found(ErrorCode.NAME_UNKNOWN, f"there is no repository '{route.repository}'")
    return answer_tags(route, request, repository.tags())


def answer_tags(route: Route, request: Request, tags: list[str]) -> Response:
    """One page of `tags`, which are in ASCII order. Raises: Refusal."""
    page, headers = _turn(f"/v2/{route.repository}/tags/list", request, tags)
    return json_response(HTTPStatus.OK, {"name": route.repository, "tags": page}, headers=headers)


def get_catalog(store: Store, _route: Route, request: Request) -> Response:
    """One page of the repositories that may be read, likewise (Docker Registry HTTP API V2, "Catalog")."""
    names = sorted(path for path in store.paths() if request.may_read is None or request.may_read(path))
    page, headers = _turn("/v2/_catalog", request, names)
    return json_response(HTTPStatus.OK, {"repositories": page}, headers=headers)


def _turn(path: str, request: Request, names: list[str]) -> tuple[list[str], Headers]:
    """The page of `names` that is asked for at `path`, and the link to the next one. Raises: Refusal."""
    last = request.parameter("last")
    start = bisect_right(names, last) if last is not None else 0
    count = _page_size(request.parameter("n"), len(names))
    page = names[start : start + count]
    if not page or start + len(page) >= len(names):
        return page, ()
    # Neither a tag nor the name of a repository needs to be encoded within a query; '/' is for old clients.
    return page, (("Link", f'<{path}?n={count}&last={quote(page[-1], safe="")}>; rel="next"'),)


def _page_size(text: str | None, everything: int) -> int:
    if text is None:
        return everything
    if not (text.isascii() and text.isdecimal()):
        raise bad_request(ErrorCode.SIZE_INVALID, f"n is a number of names, not {echo(text)}")
    return min(int(text), everything) if len(text) <= MAX_PAGE_DIGITS else everything


def get_referrers(store: Store, route: Route, request: Request) -> Response:
    """One page of the manifests whose subject is the digest; empty for whatever is not known here."""
    subject = read_digest(route.item)
    artifact_type = request.parameter("artifactType") or None
    last = request.parameter("last")
    after = read_computed_digest(last) if last is not None else None
    repository = store.find(route.repository)
    found = (
        repository.referrers(subject, artifact_type, after)
        if repository is not None and subject is not None
        else iter(())
    )
    page, is_last = _fill_page(found)
    headers: Headers = (("Content-Type", IMAGE_INDEX),)
    if artifact_type is not None:
        headers = (*headers, ("OCI-Filters-Applied", "artifactType"))
    if not is_last:
        kept = f"artifactType={quote(artifact_type)}&" if artifact_type is not None else ""
        link = f"/v2/{route.repository}/referrers/{subject}?{kept}last={page[-1].digest}"
        headers = (*headers, ("Link", f'<{link}>; rel="next"'))
    return Response(HTTPStatus.OK, headers, Index(tuple(page)).encode())


def _fill_page(found: Iterator[Descriptor]) -> tuple[list[Descriptor], bool]:
    """What fits into an index that clients read, at least one, and whether that is all.

    Distribution-spec v1.1.1, "Listing Referrers", asks for a `Link` where an index would be too large.
    """
    page: list[Descriptor] = []
    size = len(Index(()).encode())
    for descriptor in found:
        size += len(dump_json(descriptor.to_json())) + len(",")
        if page and size > MAX_MANIFEST_SIZE:
            return page, False
        page.append(descriptor)
    return page, True
