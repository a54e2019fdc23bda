"""HTTP, as registries need it: one choke point for every request.

Timeouts always; no content decoding; no credentials from netrc; redirects followed by hand, never from https to
http; plain http only to this machine and where it was asked for; credentials only to the origin they are for. What
may pass in a moment is tried again. Nothing here knows what a manifest is.
"""

from __future__ import annotations

import json
import os
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from wpkg import __version__
from wpkg.errors import InvalidInput
from wpkg.registry.auth import Authorizer
from wpkg.registry.errors import AskedToWait, NotFound, Unauthorized, UnexpectedAnswer, Unreachable
from wpkg.registry.headers import parse_challenges, parse_retry_after, parse_warnings
from wpkg.registry.network_faults import hint_for, is_passing, reason_of
from wpkg.registry.origins import authority, base_url, follow, host_of, origin
from wpkg.registry.patience import NOT_NOW, PASSING, Patience
from wpkg.registry.routes import find_route

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    import urllib3
    from requests.adapters import HTTPAdapter

    from wpkg.registry.auth import Access
    from wpkg.registry.credentials import Credential
    from wpkg.registry.origins import Origin
    from wpkg.registry.routes import Route

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds without a byte
MAX_REDIRECTS = 5
MAX_CONNECTIONS = 16  # to one host that are kept; more are made where more threads ask
MAX_ERROR_BODY = 64 * 1024  # bytes of an error answer that are looked at
WORTH_DRAINING = 64 * 1024  # bytes; reading on is cheaper than another connection
CHUNK = 1024 * 1024  # bytes
MAX_SAID = 600  # characters of what a registry says about an error

_HEADERS = {"User-Agent": f"wpkg/{__version__}", "Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_REQUEST = frozenset({307, 308})  # to be sent again as it was, also where it has a body
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class Answer:
    """A response whose body has not been read yet."""

    def __init__(self, response: urllib3.BaseHTTPResponse, url: str, what: str, now: Callable[[], float]) -> None:
        self.status = response.status
        self.url = url
        self.asked_to_wait = parse_retry_after(response.headers.get("Retry-After", ""), now())  # seconds
        self._response = response
        self._what = what
        self._hint: str | None = None

    def header(self, name: str) -> str | None:
        """The value of a header, None when absent."""
        return self._response.headers.get(name)

    def chunks(self) -> Iterator[bytes]:
        """The body as it came over the wire. Raises: Unreachable when it breaks off, UnexpectedAnswer."""
        import urllib3.exceptions

        if self.header("Content-Encoding") not in (None, "identity"):
            self._hang_up()
            raise UnexpectedAnswer(f"{self._what}: the registry sent encoded content, which was not asked for")
        self.refuse_web_page()
        try:
            while chunk := self._response.read(CHUNK, decode_content=False):
                yield chunk
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._hang_up()
            raise Unreachable(f"{self._what}: the connection broke off ({reason_of(error)})") from error
        except BaseException:
            self._hang_up()  # who knows what comes next on it
            raise
        self._response.release_conn()

    def refuse_web_page(self) -> None:
        """Nothing unless a page for people came with status 200. Raises: UnexpectedAnswer."""
        if self.status == HTTPStatus.OK and (self.header("Content-Type") or "").startswith("text/html"):
            self._hang_up()
            raise UnexpectedAnswer(
                f"{self._what}: a web page came instead",
                hint="something between here and the registry answers for it: a login page, a proxy",
            )

    def body(self, limit: int) -> bytes:
        """The whole body. Raises: UnexpectedAnswer when it has more than `limit` bytes."""
        data = bytearray()
        for chunk in self.chunks():
            data += chunk
            if len(data) > limit:
                self._hang_up()
                raise UnexpectedAnswer(f"{self._what}: the answer is longer than {limit} bytes")
        return bytes(data)

    def close(self) -> None:
        """Leave the body unread; the connection is kept where little is left to come on it."""
        length = self.header("Content-Length") or ""
        if length.isdecimal() and int(length) <= WORTH_DRAINING:
            self._response.drain_conn()
            self._response.release_conn()
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        """Close the connection, too."""
        self._response.close()
        self._response.release_conn()

    def error(self) -> NotFound | Unauthorized | UnexpectedAnswer:
        """The error that this answer means."""
        body = self._error_body()
        said = _oci_error(body)
        said = f" ({said})" if said else ""
        if self.status == HTTPStatus.NOT_FOUND:
            return NotFound(f"{self._what}: not found{said}")
        if self.status in _REFUSED:
            has_reason, hint = _own_reason(body)
            return Unauthorized(
                f"{self._what}: the registry refused with status {self.status}{said}",
                hint=hint if has_reason else self._hint,
            )
        message = f"{self._what}: the registry answered with status {self.status}{said}"
        if self.status in NOT_NOW:
            return AskedToWait(message, self.status, self.asked_to_wait)
        return UnexpectedAnswer(message)

    def _error_body(self) -> bytes:
        """What there is of the body; an error without one is an error all the same."""
        try:
            return self.body(MAX_ERROR_BODY)
        except (Unreachable, UnexpectedAnswer):
            return b""


class Body(Protocol):
    """What can be sent, again and again."""

    def __len__(self) -> int:
        """Bytes."""

    def __iter__(self) -> Iterator[bytes]:
        """The bytes, in pieces."""


class Transport:
    """Sends requests; keeps connections open between them. Safe for several threads at once.

    All threads share one pool of connections, which urllib3 makes for several threads. There is no session of
    requests above it: it would keep cookies, look for passwords, and read the whole environment at every request.
    `plain_http` are the registries, as host or host:port, that http is spoken with though they are not on this
    machine.
    """

    def __init__(
        self,
        find_credential: Callable[[str, str], Credential | None] | None = None,
        warn: Callable[[str], object] | None = None,
        plain_http: Collection[str] = (),
        patience: Patience | None = None,
        read_timeout: float = READ_TIMEOUT,
        detail: Callable[[str], object] | None = None,
    ) -> None:
        self._warn = warn or _ignore
        self._detail = detail or _ignore
        self._authorizer = Authorizer(find_credential or _no_credential, self._warn)
        self._plain_http = plain_http
        self.patience = patience or Patience()
        self._timeouts = (CONNECT_TIMEOUT, read_timeout)
        self._warned: set[tuple[str, str]] = set()
        self._routes: dict[Origin, Route] = {}
        self._lock = threading.Lock()
        self._adapter: HTTPAdapter | None = None

    def base_url(self, registry: str) -> str:
        """Where `registry` is."""
        return base_url(registry, self._plain_http)

    def request(
        self,
        method: str,
        url: str,
        what: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        *,
        access: Access | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """The answer to a request, redirects followed. `what` says in errors what was being done.

        What is `repeatable` is
        sent again when an answer, or that there is none, says that it may go better then.

        Raises: Unreachable, UnexpectedAnswer, Unauthorized.
        """
        attempt = 0
        while True:
            asked = None
            try:
                answer = self._follow(method, url, what, dict(headers or {}), body, access)
            except Unreachable as error:
                if not (repeatable and error.is_passing and self.patience.is_willing(attempt, None)):
                    raise
            else:
                asked = answer.asked_to_wait
                if not repeatable or not self._is_worth_another(answer, attempt):
                    return answer
                answer.close()
            self.patience.wait(attempt, asked)
            attempt += 1

    def _is_worth_another(self, answer: Answer, attempt: int) -> bool:
        return answer.status in PASSING and self.patience.is_willing(attempt, answer.asked_to_wait)

    def _ask_token_server(
        self, method: str, url: str, what: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """What a token server answers, in the end; where it does not, whoever needed the token tries again."""
        attempt = 0
        while self._is_worth_another(answer := self._send(method, url, what, headers, body), attempt):
            answer.close()
            self.patience.wait(attempt, answer.asked_to_wait)
            attempt += 1
        return answer

    def _follow(
        self,
        method: str,
        url: str,
        what: str,
        headers: dict[str, str],
        body: bytes | Body | None,
        access: Access | None,
    ) -> Answer:
        """The answer at the end of all redirects."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._authorized(method, url, what, headers, body, access)
            location = answer.header("Location")
            followed = _REDIRECTS if method in ("GET", "HEAD") else _SAME_REQUEST
            if answer.status not in followed or location is None:
                return answer
            answer.close()
            url = follow(url, location, what)
        raise UnexpectedAnswer(f"{what}: more than {MAX_REDIRECTS} redirects")

    def _authorized(
        self,
        method: str,
        url: str,
        what: str,
        headers: dict[str, str],
        body: bytes | Body | None,
        access: Access | None,
    ) -> Answer:
        """One request, with credentials where `url` is at the registry they are for."""
        if access is None or origin(url) != origin(self.base_url(access.registry)):
            return self._send(method, url, what, headers, body)
        used = self._authorizer.header(access)
        answer = self._send(method, url, what, _with_authorization(headers, used), body)
        said = answer.header("WWW-Authenticate") or ""
        if answer.status == HTTPStatus.UNAUTHORIZED or (
            answer.status == HTTPStatus.FORBIDDEN and _needs_more(said)
        ):
            try:
                base = self.base_url(access.registry)
                renewed = self._authorizer.renew(access, base, said, used, self._ask_token_server)
            except BaseException:
                answer.close()
                raise
            if renewed is not None:
                answer.close()
                answer = self._send(method, url, what, _with_authorization(headers, renewed), body)
        if answer.status in _REFUSED:
            answer._hint = self._authorizer.hint(access)  # noqa: SLF001 - the two are one
        return answer

    def _send(
        self,
        method: str,
        url: str,
        what: str,
        headers: Mapping[str, str],
        body: bytes | Body | None,
    ) -> Answer:
        import urllib3.exceptions

        length = {"Content-Length": str(len(body))} if body is not None else {}
        try:
            route = self._route(url)
            response = route.pool.urlopen(
                method,
                route.target(url),
                body,
                {**_HEADERS, **headers, **length},
                retries=route.retries,
                redirect=False,
                assert_same_host=False,  # the target may be a whole address, for a proxy
                timeout=route.timeout,
                preload_content=False,
                decode_content=False,
            )
        # What requests says is an OSError; what parsers of addresses say is a ValueError.
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(
                f"{what}: cannot reach {authority(url)} ({reason_of(error)})",
                hint=hint_for(error),
                is_passing=is_passing(error),
            ) from None
        self._detail(f"{method} {url.partition('?')[0]} {response.status}")  # a query may hold secrets
        self._show_warnings(host_of(url), response.headers.get("Warning"))
        return Answer(response, url, what, self.patience.now)

    def _show_warnings(self, host: str, said: str | None) -> None:
        for text in parse_warnings(said or ""):
            with self._lock:
                is_new = (host, text) not in self._warned
                self._warned.add((host, text))
            if is_new:
                self._warn(f"{host} says: {text}")

    def _route(self, url: str) -> Route:
        """The way to the origin of `url`, which is found once. Raises: InvalidInput, ValueError."""
        place = origin(url)
        with self._lock:
            if place not in self._routes:
                if self._adapter is None:
                    from requests.adapters import HTTPAdapter

                    self._adapter = HTTPAdapter(pool_maxsize=MAX_CONNECTIONS)
                self._routes[place] = find_route(self._adapter, place, _certificates(), self._timeouts)
            return self._routes[place]


def _certificates() -> str | None:
    """The file of certificates to trust, when a variable names one; None where those of requests will do.

    Raises: InvalidInput, when a variable names what is not there.
    """
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    name = next((name for name in names if os.environ.get(name)), None)
    if name is None:
        return None
    path = os.environ[name]
    if not os.path.exists(path):  # noqa: PTH110 - pathlib would be loaded for this alone
        raise InvalidInput(f"{name} names {path}, which is not there")
    return path


def _with_authorization(headers: dict[str, str], value: str | None) -> dict[str, str]:
    return headers if value is None else {**headers, "Authorization": value}


def _needs_more(said: str) -> bool:
    """Whether a refusal asks for a token with more rights."""
    return any(challenge.parameters.get("error") == "insufficient_scope" for challenge in parse_challenges(said))


def _ignore(_text: str) -> None:
    """Where nobody wants to hear warnings."""


def _no_credential(_registry: str, _path: str) -> None:
    """Where nobody has credentials."""


def _own_reason(data: bytes) -> tuple[bool, str | None]:
    """Whether a refusal gives a reason of its own, which no login would change, and what the registry advises.

    The gate of registry-shim does, in the `detail` of its error: `reason` and `hint`.
    """
    try:
        detail = json.loads(data)["errors"][0]["detail"]
        reason, hint = detail["reason"], detail.get("hint")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False, None
    return isinstance(reason, str), " ".join(hint[:300].split()) if isinstance(hint, str) and hint else None


def _oci_error(data: bytes) -> str:
    """Code and message of an OCI error body (distribution-spec, "Error Codes"), '' for anything else."""
    try:
        first = json.loads(data)["errors"][0]
        return " ".join(f"{first['code']}: {first['message']}"[:MAX_SAID].split())  # on one line, as errors are
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
