"""The service that asks who is asking. Everything behind it can take for granted that the request is allowed.

- Without a name and a password where they are needed: 401 `UNAUTHORIZED`, with the challenge that makes clients
  send them. `/v2/` always needs them, for that is where clients find out; the list of repositories needs them
  where there may be more to see with them.
- With ones that are wrong: 401, also where none are needed, so that a mistyped password does not go unnoticed.
- With right ones that do not suffice: 403 `DENIED`.

What may not be read is answered alike whether it is there or not, it is not in the list of repositories, and blobs
are mounted only from where they may be read.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.auth.access import Right
from registry_shim.auth.credentials import TooManyChecks, read_credentials
from registry_shim.errors import RulesUnreadable
from registry_shim.protocol.messages import ErrorCode, Refusal
from registry_shim.protocol.routes import Endpoint, find_route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from registry_shim.auth.access import Access
    from registry_shim.auth.credentials import Verifier
    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Headers, Request, Response
    from registry_shim.protocol.routes import Route
    from registry_shim.protocol.service import Service

CHALLENGE: Headers = (
    ("WWW-Authenticate", 'Basic realm="registry-shim"'),
    ("Docker-Distribution-API-Version", "registry/2.0"),
)
READING = ("GET", "HEAD")
RETRY_AFTER_SECONDS = 1  # when too many passwords are being checked
_ELSEWHERE = ("cross-site", "same-site")  # Fetch Metadata: what a page of another origin makes a browser send


class Auth:
    """A `Service` that lets through what the rules allow.

    `hashes` and `access` give the hashes of passwords by name and the rules, as they are now.
    """

    def __init__(
        self,
        service: Service,
        hashes: Callable[[], Mapping[str, bytes]],
        access: Callable[[], Access],
        verifier: Verifier,
    ) -> None:
        self._service = service
        self._hashes = hashes
        self._access = access
        self._verifier = verifier

    def is_immediate(self, request: Request) -> bool:
        """Whether `begin` waits for nobody: not where a password has to be checked."""
        header = request.headers.get("authorization")
        if header is not None:
            given = read_credentials(header)
            try:
                if given is not None and self._verifier.known(self._hashes(), given) is None:
                    return False
            except RulesUnreadable:
                return True
        return self._service.is_immediate(request)

    def begin(self, request: Request) -> Response | Intake:
        """See Service. Raises: WpkgError."""
        user = self._user(request)
        access = self._access()
        route = find_route(request.path)
        if route.endpoint is Endpoint.API:
            if user is None:
                raise _unauthorized("this registry asks for a name and a password")
            return self._service.begin(request)
        may_read = partial(access.allows, user, Right.READ)
        if route.endpoint is Endpoint.CATALOG:
            if user is None and not access.is_open:
                raise _unauthorized("this registry asks for a name and a password, and lists what they may read")
            return self._service.begin(replace(request, may_read=may_read))
        right = _needed(route, request.method)
        if not access.allows(user, right, route.repository):
            what = f"{right} {'' if right is Right.PUSH else 'from '}{route.repository}"
            if user is None:
                raise _unauthorized(f"a name and a password are needed to {what}")
            raise Refusal(HTTPStatus.FORBIDDEN, ErrorCode.DENIED, f"{user} may not {what}")
        if user is not None and request.method not in READING:
            _refuse_other_sites(request)
        if route.endpoint is Endpoint.UPLOADS:
            request = replace(request, may_read=may_read)
        return self._service.begin(request)

    def _user(self, request: Request) -> str | None:
        """Who asks, None for somebody who does not say. Raises: Refusal, RulesUnreadable."""
        header = request.headers.get("authorization")
        if header is None:
            return None
        given = read_credentials(header)
        if given is None:
            raise _unauthorized("this registry takes a name and a password (Basic), and nothing else")
        try:
            is_right = self._verifier.is_right(self._hashes(), given)
        except TooManyChecks:
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                ErrorCode.TOOMANYREQUESTS,
                "too many passwords are being checked; try again in a moment",
                headers=(("Retry-After", str(RETRY_AFTER_SECONDS)),),
            ) from None
        if not is_right:
            raise _unauthorized("the name or the password is wrong")
        return given.name


def _needed(route: Route, method: str) -> Right:
    """The right that a request needs; everything that is not known to be less is a push."""
    if route.endpoint in (Endpoint.UPLOADS, Endpoint.UPLOAD):
        return Right.PUSH
    if method in READING:
        return Right.READ
    return Right.DELETE if method == "DELETE" else Right.PUSH


def _unauthorized(message: str) -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, ErrorCode.UNAUTHORIZED, message, headers=CHALLENGE)


def _refuse_other_sites(request: Request) -> None:
    """A browser adds a remembered password to what any page makes it send. Raises: Refusal."""
    if request.headers.get("sec-fetch-site") in _ELSEWHERE:
        raise Refusal(
            HTTPStatus.FORBIDDEN, ErrorCode.DENIED, "a page of another site may not change anything here"
        )
