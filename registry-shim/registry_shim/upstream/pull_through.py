"""The mirror: what is asked for is fetched where it is not here, and then answered like anything else that is.

- By digest: what is here is never asked for upstream.
- By tag: what the tag names is asked for when it has not been for a while; its manifest only when that is another.
- Tags and referrers: likewise. Each referrer is fetched and read, so that what is said of it is what it says.
- Nothing can be written: that is for the registry that is mirrored.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.protocol.blobs import answer_blob, describe_blob
from registry_shim.protocol.listings import answer_tags
from registry_shim.protocol.messages import ErrorCode, Refusal, Response, not_found, warning
from registry_shim.protocol.registry import exchange
from registry_shim.protocol.routes import Endpoint, find_route, read_digest, read_reference
from registry_shim.store.documents import read_document
from registry_shim.upstream.arrivals import Arrivals, Fetch
from registry_shim.upstream.failures import UpstreamFailed
from registry_shim.upstream.flights import SingleFlight
from registry_shim.upstream.freshness import Freshness
from wpkg.oci.digest import Digest
from wpkg.registry.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Headers, Request
    from registry_shim.protocol.routes import Route
    from registry_shim.protocol.service import Service
    from registry_shim.store.store import Store
    from registry_shim.upstream.source import Source
    from wpkg.oci import reference

WAITED_FOR = (
    4 * 1024 * 1024
)  # bytes; up to here a blob is whole before its answer begins, so that it can still fail
MAX_LISTS = 1000  # tag lists that are remembered
READING = ("GET", "HEAD")


class Mirrored:
    """A repository of another registry, under its name here."""

    def __init__(self, source: Source, origin: reference.Repository, name: str) -> None:
        self.source = source
        self.origin = origin
        self.name = name


class PullThrough:
    """A `Service` whose repositories are also those of other registries. Safe for several threads.

    `service` is the registry over `store`. `sources` are asked by their prefixes, the first one that fits. What
    may change is asked for again after `seconds`; `monotonic` tells them.
    """

    def __init__(
        self,
        service: Service,
        store: Store,
        sources: Sequence[Source],
        seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._service = service
        self._store = store
        self._sources = sources
        self._fresh = Freshness(seconds, monotonic)
        self._flights = SingleFlight()
        self._arrivals = Arrivals()
        self._tags: dict[str, list[str]] = {}

    def close(self) -> None:
        """Fetch nothing any more, and let go everybody who waits."""
        self._flights.close()
        self._arrivals.close()

    def is_immediate(self, request: Request) -> bool:
        """See Service. What may have to be fetched is not."""
        try:
            route = find_route(request.path)
            is_here = self._mirrored(route) is None or self._is_here(route)
        except Refusal:
            return True
        return is_here and self._service.is_immediate(request)

    def begin(self, request: Request) -> Response | Intake:
        """See Service. Raises: WpkgError."""
        route = find_route(request.path)
        mirrored = self._mirrored(route)
        if mirrored is None:
            return self._service.begin(request)
        if request.method not in READING or route.endpoint in (Endpoint.UPLOADS, Endpoint.UPLOAD):
            raise _refuse_to_write(mirrored, route)
        if self._is_here(route):
            return self._service.begin(request)
        match route.endpoint:
            case Endpoint.BLOB:
                return self._get_blob(mirrored, route, request)
            case Endpoint.TAGS:
                return self._get_tags(mirrored, route, request)
            case Endpoint.REFERRERS:
                return self._get_referrers(mirrored, route, request)
            case _:
                return self._get_manifest(mirrored, route, request)

    def _mirrored(self, route: Route) -> Mirrored | None:
        if route.endpoint in (Endpoint.API, Endpoint.CATALOG):
            return None
        for source in self._sources:
            origin = source.upstream.repository(route.repository)
            if origin is not None:
                return Mirrored(source, origin, route.repository)
        return None

    def _is_here(self, route: Route) -> bool:
        """Whether it is content that never changes, and here. Raises: Refusal."""
        if route.endpoint not in (Endpoint.BLOB, Endpoint.MANIFEST) or ":" not in route.item:
            return False
        digest = read_digest(route.item)
        repository = self._store.find(route.repository) if digest is not None else None
        if repository is None or digest is None:
            return digest is None
        if route.endpoint is Endpoint.BLOB:
            return repository.blobs.size(digest) is not None
        return repository.find(digest) is not None

    # --- by digest -----------------------------------------------------------------------------------

    def _get_blob(self, mirrored: Mirrored, route: Route, request: Request) -> Response | Intake:
        digest = read_digest(route.item)
        if digest is None:
            return self._service.begin(request)
        size = self._flights.run(
            ("size", mirrored.name, digest),
            lambda: mirrored.source.ask(lambda client: client.find_blob_size(mirrored.origin, digest)),
        )
        if size is None:
            return self._service.begin(request)  # which says that there is none
        if request.method == "HEAD":
            return describe_blob(request, digest, size)[0]
        with self._store.creating(mirrored.name) as target:
            fetch = Fetch(mirrored.source, mirrored.origin, mirrored.name, target, digest, size)
            blob = self._arrivals.join(fetch)
        if blob is None:
            return self._service.begin(request)
        try:
            if size <= WAITED_FOR:
                blob.wait()
            else:
                blob.wait_for_some()
        except BaseException:
            blob.close()
            raise
        return answer_blob(request, digest, blob)

    def _fetch_manifest(self, mirrored: Mirrored, digest: Digest, tags: tuple[str, ...] = ()) -> bool:
        """Whether there is such a manifest; it and `tags` are here now. Raises: WpkgError."""
        try:
            fetched = mirrored.source.ask(lambda client: client.fetch_manifest(mirrored.origin.at(digest=digest)))
        except NotFound:
            return False
        document = mirrored.source.read(fetched)
        with self._store.creating(mirrored.name) as repository:
            repository.publish(document, fetched.data, digest, tags, is_complete=False)
        return True

    # --- by tag --------------------------------------------------------------------------------------

    def _get_manifest(self, mirrored: Mirrored, route: Route, request: Request) -> Response | Intake:
        named = read_reference(route.item)
        if isinstance(named, Digest):
            self._flights.run(("manifest", mirrored.name, named), lambda: self._fetch_manifest(mirrored, named))
        elif named is not None:
            repository = self._store.find(mirrored.name)
            is_here = repository is not None and repository.find(named) is not None
            stale = self._renew(
                ("tag", mirrored.name, named),
                lambda: self._move_tag(mirrored, named),
                is_here=is_here,
                is_known=is_here,
            )
            return self._answer(request, stale)
        return self._service.begin(request)

    def _move_tag(self, mirrored: Mirrored, tag: str) -> bool:
        """Whether there is such a tag there; it names the same here. Raises: WpkgError."""
        digest = mirrored.source.ask(lambda client: client.resolve(mirrored.origin.at(tag=tag)))
        repository = self._store.find(mirrored.name)
        known = repository.find(tag) if repository is not None else None
        if digest is None:
            if repository is not None:
                repository.remove_tag(tag)
            return False
        if known is None or known.digest != digest:
            here = repository.fetch(digest) if repository is not None else None
            if repository is not None and here is not None:
                document = read_document(here.data, here.entry.media_type)
                repository.publish(document, here.data, digest, (tag,), is_complete=False)
            else:
                return self._fetch_manifest(mirrored, digest, (tag,))
        return True

    # --- lists ---------------------------------------------------------------------------------------

    def _get_tags(self, mirrored: Mirrored, route: Route, request: Request) -> Response | Intake:
        name = mirrored.name
        repository = self._store.find(name)
        is_known = name in self._tags or repository is not None
        try:
            stale = self._renew(
                ("tags", name), lambda: self._list_tags(mirrored), is_here=is_known, is_known=is_known
            )
        except NotFound:
            self._tags.pop(name, None)
            raise not_found(ErrorCode.NAME_UNKNOWN, f"there is no repository '{name}'") from None
        tags = self._tags.get(name)
        if tags is None:  # upstream was not asked since this process runs; these are those that were pulled
            tags = repository.tags() if repository is not None else []
        response = answer_tags(route, request, tags)
        return Response(response.status, (*response.headers, *stale), response.body)

    def _list_tags(self, mirrored: Mirrored) -> bool:
        """True; the tags there are remembered. Raises: WpkgError."""
        self._tags[mirrored.name] = sorted(mirrored.source.ask(lambda client: client.list_tags(mirrored.origin)))
        if len(self._tags) > MAX_LISTS:
            del self._tags[next(iter(self._tags))]
        return True

    def _get_referrers(self, mirrored: Mirrored, route: Route, request: Request) -> Response | Intake:
        subject = read_digest(route.item)
        if subject is None:
            return self._service.begin(request)
        repository = self._store.find(mirrored.name)
        are_here = repository is not None and any(True for _ in repository.referrers(subject))
        key = ("referrers", mirrored.name, subject)
        stale = self._renew(
            key,
            lambda: self._list_referrers(mirrored, subject),
            is_here=are_here,
            is_known=are_here or self._fresh.is_known(key),
        )
        return self._answer(request, stale)

    def _list_referrers(self, mirrored: Mirrored, subject: Digest) -> bool:
        """Whether there are referrers there; they are here, and no others. Raises: WpkgError."""
        listed = mirrored.source.ask(lambda client: client.list_referrers(mirrored.origin, subject))
        digests = {descriptor.digest for descriptor in listed}
        for digest in sorted(digests):
            repository = self._store.find(mirrored.name)
            if repository is None or repository.find(digest) is None:
                self._fetch_manifest(mirrored, digest)
        repository = self._store.find(mirrored.name)
        for known in list(repository.referrers(subject)) if repository is not None else ():
            if known.digest not in digests and repository is not None:
                repository.remove_manifest(known.digest)
        return bool(digests)

    # --- inside --------------------------------------------------------------------------------------

    def _renew(self, key: Hashable, action: Callable[[], bool], *, is_here: bool, is_known: bool) -> Headers:
        """A warning where what is known could not be renewed, nothing where it was or need not be.

        `is_here` says whether there is something to serve at all, `is_known` whether it is known what there is.

        That there is nothing is not remembered: what has just been published is found at once, and what was put
        aside here as damaged is fetched again.

        Raises: NotFound, UpstreamFailed when nothing is known.
        """
        if is_here and self._fresh.is_fresh(key):
            return ()
        try:
            self._fresh.mark(key, lasts=self._flights.run(key, action))
        except UpstreamFailed as failure:
            if not is_known:
                raise
            return warning(f"{failure.message}; this is what it was when it last could be asked")
        return ()

    def _answer(self, request: Request, more: Headers) -> Response:
        response = exchange(self._service, request)
        return Response(response.status, (*response.headers, *more), response.body)


def _refuse_to_write(mirrored: Mirrored, route: Route) -> Refusal:
    is_upload = route.endpoint in (Endpoint.UPLOADS, Endpoint.UPLOAD)
    return Refusal(
        HTTPStatus.METHOD_NOT_ALLOWED,
        ErrorCode.UNSUPPORTED,
        f"'{mirrored.name}' mirrors {mirrored.origin}, and can be written to only there",
        headers=(("Allow", "" if is_upload else ", ".join(READING)),),
    )
