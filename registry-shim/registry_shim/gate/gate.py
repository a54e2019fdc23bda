"""The gate in front of the registry: which requests it looks at, and how it answers them.

- By digest everything passes, and so do referrers: that is how signatures get here.
- GET and HEAD of a tag: refused unless what the tag names is accepted now, under the policy as it is now.
- PUT by tag of a manifest that is accepted: tagged. Of one that is here already and is not: refused. Of one that
  comes with its tag, as docker and oras push it: kept, and the tag waits (`Warning` says so) until its signature
  comes; meanwhile the tag shows what it showed before.
- Lists of tags leave out what would be refused.

Writers of tags in one repository take turns. A reader waits for them only where a tag waits for its signature.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.errors import EvidenceUnavailable, PolicyUnreadable
from registry_shim.gate.exempt import is_exempt, is_signature_tag, signed_by_tag
from registry_shim.gate.refusals import explain, refuse_tag
from registry_shim.gate.verdict import Standing, Verdict, judge
from registry_shim.gate.verdicts import Verdicts
from registry_shim.gate.waiting import TooManyWaiting, WaitingTag
from registry_shim.limits import MAX_MANIFEST_SIZE
from registry_shim.protocol.asking import Heard, fetch_manifest, head
from registry_shim.protocol.intake import SmallIntake
from registry_shim.protocol.messages import ErrorCode, Refusal, Request, Response, json_response, warning
from registry_shim.protocol.registry import exchange
from registry_shim.protocol.routes import Endpoint, find_route, read_reference
from wpkg.documents.strict_json import Members, load_json
from wpkg.oci.digest import Digest, InvalidDigest

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from registry_shim.gate.policy_file import PolicyFile
    from registry_shim.gate.waiting import WaitingTags
    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.routes import Route
    from registry_shim.protocol.service import Service
    from wpkg.oci.descriptor import Descriptor

LOCKS = 64  # for writers of tags; repositories share them by hash
CONDITIONS = ("if-match", "if-none-match")


class Gate:
    """A `Service` that shows by tag only what the policy accepts.

    `registry` is what the policy's patterns call this registry: 'host' or 'host:port'. `monotonic` gives
    seconds, `today` the day by which keys expire.
    """

    def __init__(
        self,
        service: Service,
        policy: PolicyFile,
        waiting: WaitingTags,
        registry: str,
        monotonic: Callable[[], float],
        today: Callable[[], date],
    ) -> None:
        self._service = service
        self._policy = policy
        self._waiting = waiting
        self._registry = registry
        self._verdicts = Verdicts(monotonic)
        self._today = today
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def is_immediate(self, request: Request) -> bool:
        """Whether `begin` waits for nobody: only where there is nothing to verify."""
        try:
            route = find_route(request.path)
        except Refusal:
            return True
        by_digest = route.endpoint is Endpoint.MANIFEST and ":" in route.item
        return (by_digest or route.endpoint in (Endpoint.API, Endpoint.BLOB)) and self._service.is_immediate(
            request
        )

    def begin(self, request: Request) -> Response | Intake:
        """See Service. Raises: WpkgError."""
        route = find_route(request.path)
        tag = route.item if route.endpoint is Endpoint.MANIFEST and ":" not in route.item else None
        if tag is not None:
            read_reference(tag)  # a malformed one names nothing that could be verified
        match route.endpoint, request.method:
            case Endpoint.MANIFEST, "GET" | "HEAD" if tag is not None:
                return self._show(route.repository, tag, request)
            case Endpoint.MANIFEST, "PUT" if tag is not None or request.parameters("tag"):
                return SmallIntake(MAX_MANIFEST_SIZE, partial(self._put, route, request))
            case Endpoint.MANIFEST, "PUT":
                intake = self._service.begin(request)
                if isinstance(intake, Response):
                    return intake
                return _Watched(intake, partial(self._after_put, route.repository))
            case Endpoint.MANIFEST, "DELETE":
                return self._delete(route, request, tag)
            case Endpoint.BLOB, "DELETE":
                response = exchange(self._service, request)
                self._verdicts.forget(route.repository)
                return response
            case Endpoint.TAGS, "GET" | "HEAD":
                return self._list_tags(route.repository, request)
            case _:
                return self._service.begin(request)

    def verdict(self, repository: str, tag: str, subject: Descriptor) -> Verdict:
        """Where the tag stands if it names `subject`; remembered for a while."""
        try:
            revision, policy = self._policy.current()
        except PolicyUnreadable as error:
            return Verdict(Standing.NOT_CHECKED, f"cannot be checked: {error}", "mend the policy file")
        return self._verdicts.get(
            (repository, tag, subject.digest),
            revision,
            lambda: judge(self._service, policy, self._today(), self._registry, (repository, tag), subject),
        )

    def is_visible(self, repository: str, tag: str) -> bool:
        """Whether the tag shows anything."""
        try:
            self._settle(repository, tag)
            subject = head(self._service, repository, tag)
            return subject is not None and self._standing(repository, tag, subject).is_visible
        except EvidenceUnavailable:
            return False

    # --- reading ---

    def _show(self, repository: str, tag: str, request: Request) -> Response | Intake:
        waits = self._settle(repository, tag)
        heard = Heard(self._service)
        subject = head(heard, repository, tag)
        if subject is None:
            if waits is not None:
                raise refuse_tag(self._registry, repository, tag, *waits)
            return self._service.begin(request)  # which says what is missing, as it always does
        verdict = self._standing(repository, tag, subject)
        if not verdict.is_visible:
            raise refuse_tag(self._registry, repository, tag, subject.digest, verdict)
        # By the digest that was verified, so that a tag that moves meanwhile shows nothing else.
        response = self._service.begin(_by_digest(request, repository, subject.digest))
        if not isinstance(response, Response):
            return response
        # What was said of the tag, and of its signatures, is not said of a digest, which never changes.
        warnings = dict.fromkeys((*heard.warnings, *verdict.warnings))
        return replace(response, headers=(*response.headers, *warnings))

    def _standing(self, repository: str, tag: str, subject: Descriptor) -> Verdict:
        if is_signature_tag(tag):
            data = fetch_manifest(self._service, repository, subject.digest)
            if is_exempt(self._service, repository, tag, data):
                return Verdict(Standing.TOLERATED, "holds signatures")
        return self.verdict(repository, tag, subject)

    def _list_tags(self, repository: str, request: Request) -> Response | Intake:
        for waiting in self._waiting.of(repository):
            self._settle(repository, waiting.tag)
        response = self._service.begin(request)
        if not isinstance(response, Response) or not isinstance(response.body, bytes) or not response.body:
            return response
        tags = Members(load_json(response.body)).texts("tags")
        shown = [tag for tag in tags if self.is_visible(repository, tag)]
        kept = tuple(
            (name, value) for name, value in response.headers if name.lower() not in ("content-type", "etag")
        )
        return json_response(response.status, {"name": repository, "tags": shown}, headers=kept)

    # --- writing ---

    def _put(self, route: Route, request: Request, data: bytes) -> Response:
        """The answer to a manifest that comes with a tag, or by digest with `tag` parameters."""
        digest = _pushed_digest(route, data)
        tags = [route.item] if ":" not in route.item else request.parameters("tag")
        repository = route.repository
        with self._lock(repository):
            if digest is None or all(is_exempt(self._service, repository, tag, data) for tag in tags):
                response = exchange(self._service, request, [data])  # a wrong digest is refused there
            else:
                response = self._put_and_tag(route, request, digest, tags, data)
        self._after_put(repository, response)
        for tag in tags:
            self._after_signature(repository, signed_by_tag(tag))
        return response

    def _put_and_tag(
        self, route: Route, request: Request, digest: Digest, tags: list[str], data: bytes
    ) -> Response:
        is_new = head(self._service, route.repository, str(digest)) is None
        if is_new:
            headers = {name: value for name, value in request.headers.items() if name not in CONDITIONS}
            path = f"/v2/{route.repository}/manifests/{digest}"
            response = exchange(self._service, Request("PUT", path, "", headers), [data])
            if response.status != HTTPStatus.CREATED:
                return response
        return self._tag(route, request, digest, tags, data, is_new=is_new)

    def _tag(
        self, route: Route, request: Request, digest: Digest, tags: list[str], data: bytes, *, is_new: bool
    ) -> Response:
        """Point `tags` at a manifest that is here, or let the one tag wait. Raises: Refusal."""
        repository = route.repository
        subject = _described(self._service, repository, digest)
        refused = [(tag, v) for tag in tags for v in (self.verdict(repository, tag, subject),) if not v.is_visible]
        if not refused:
            response = exchange(self._service, request, [data])
            if response.status == HTTPStatus.CREATED:
                for tag in tags:
                    self._waiting.remove(repository, tag)
            return response
        tag, verdict = refused[0]
        may_wait = is_new or any(waiting.manifest == digest for waiting in self._waiting.of(repository))
        is_conditional = any(name in request.headers for name in CONDITIONS)
        if ":" in route.item or not may_wait or is_conditional or verdict.standing is Standing.NOT_CHECKED:
            raise refuse_tag(self._registry, repository, tag, digest, verdict)
        shown = head(self._service, repository, tag)
        try:
            self._waiting.add(WaitingTag(repository, tag, digest, shown.digest if shown is not None else None))
        except TooManyWaiting as error:
            raise Refusal(HTTPStatus.FORBIDDEN, ErrorCode.DENIED, f"{error}; sign before you tag") from error
        return Response(
            HTTPStatus.CREATED,
            (
                ("Location", f"/v2/{repository}/manifests/{digest}"),
                ("Docker-Content-Digest", str(digest)),
                *warning("the tag waits: " + explain(self._registry, repository, tag, digest, verdict)),
            ),
        )

    def _delete(self, route: Route, request: Request, tag: str | None) -> Response:
        with self._lock(route.repository):
            response = exchange(self._service, request)
            # After the answer: what the registry refuses, for a condition or a failure, leaves what waits alone.
            if tag is not None and response.status in (HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND):
                waited = self._waiting.remove(route.repository, tag)
                response = Response(HTTPStatus.ACCEPTED) if waited else response
        self._verdicts.forget(route.repository)
        return response

    def _after_put(self, repository: str, response: Response) -> None:
        """Judge again what a new referrer is about, and let go of tags that waited for it."""
        subject = next((value for name, value in response.headers if name.lower() == "oci-subject"), None)
        self._after_signature(repository, Digest.parse(subject) if subject is not None else None)

    def _after_signature(self, repository: str, subject: Digest | None) -> None:
        if subject is None:
            return
        self._verdicts.forget(repository, subject)
        for waiting in self._waiting.of(repository):
            if waiting.manifest == subject:
                self._settle(repository, waiting.tag)

    def _settle(self, repository: str, tag: str) -> tuple[Digest, Verdict] | None:
        """What keeps the tag waiting; None where nothing waits, or nothing any more.

        Raises: EvidenceUnavailable.
        """
        if self._waiting.find(repository, tag) is None:
            return None
        with self._lock(repository):
            waiting = self._waiting.find(repository, tag)
            if waiting is None:
                return None
            shown = head(self._service, repository, tag)
            subject = head(self._service, repository, str(waiting.manifest))
            if subject is None or (shown.digest if shown is not None else None) != waiting.instead:
                self._waiting.remove(repository, tag)
                return None
            verdict = self.verdict(repository, tag, subject)
            if not verdict.is_visible:
                return waiting.manifest, verdict
            data = fetch_manifest(self._service, repository, waiting.manifest)
            path = f"/v2/{repository}/manifests/{tag}"
            answer = exchange(
                self._service, Request("PUT", path, "", {"content-type": subject.media_type}), [data]
            )
            if answer.status == HTTPStatus.CREATED:
                self._waiting.remove(repository, tag)
            return None

    def _lock(self, repository: str) -> threading.Lock:
        return self._locks[hash(repository) % LOCKS]


class _Watched:
    """An `Intake` after whose response something is to be done."""

    def __init__(self, intake: Intake, after: Callable[[Response], None]) -> None:
        self._intake = intake
        self._after = after

    def take(self, piece: bytes) -> None:
        """See Intake."""
        self._intake.take(piece)

    def finish(self) -> Response:
        """See Intake."""
        response = self._intake.finish()
        self._after(response)
        return response

    def close(self) -> None:
        """See Intake."""
        self._intake.close()


def _by_digest(request: Request, repository: str, digest: Digest) -> Request:
    return Request(request.method, f"/v2/{repository}/manifests/{digest}", request.query, request.headers)


def _pushed_digest(route: Route, data: bytes) -> Digest | None:
    """The digest that `data` is pushed under; None where the path names another one, or none that exists."""
    try:
        named = Digest.parse(route.item) if ":" in route.item else None
    except InvalidDigest:
        return None
    digest = Digest.of(data, named.algorithm if named is not None else "sha256")
    return digest if named in (None, digest) else None


def _described(service: Service, repository: str, digest: Digest) -> Descriptor:
    found = head(service, repository, str(digest))
    if found is None:
        raise EvidenceUnavailable(f"{digest.short} was just here and is no more")
    return found
