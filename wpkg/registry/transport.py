"""HTTP, as registries need it: one choke point for every request.

Timeouts always; no content decoding; no credentials from netrc; redirects followed by hand, never from https to
http; plain http only to this machine. Nothing here knows what a manifest is.
"""

from __future__ import annotations

import ipaddress
import json
import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from wpkg import __version__
from wpkg.registry.errors import NotFound, Unauthorized, UnexpectedAnswer, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    import requests
    from requests.adapters import HTTPAdapter

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds without a byte
MAX_REDIRECTS = 5
MAX_CONNECTIONS = 16  # to one host that are kept; more are made where more threads ask
MAX_ERROR_BODY = 64 * 1024  # bytes of an error answer that are looked at
WORTH_DRAINING = 64 * 1024  # bytes; reading on is cheaper than another connection
CHUNK = 1024 * 1024  # bytes

# A proxy cannot reach this machine's own addresses; what its variables say is for all others.
_NO_PROXY = {"http": "", "https": ""}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def base_url(registry: str) -> str:
    """`https://registry`, or `http://` where the registry is on this machine."""
    return f"{'http' if _is_loopback(registry) else 'https'}://{registry}"


def _is_loopback(registry: str) -> bool:
    host = urlsplit(f"//{registry}").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Answer:
    """A response whose body has not been read yet."""

    def __init__(self, response: requests.Response, url: str, what: str) -> None:
        self.status = response.status_code
        self.url = url
        self._response = response
        self._what = what

    def header(self, name: str) -> str | None:
        """The value of a header, None when absent."""
        return self._response.headers.get(name)

    def chunks(self) -> Iterator[bytes]:
        """The body as it came over the wire. Raises: Unreachable when it breaks off."""
        import urllib3.exceptions

        if self.header("Content-Encoding") not in (None, "identity"):
            raise UnexpectedAnswer(f"{self._what}: the registry sent encoded content, which was not asked for")
        try:
            while chunk := self._response.raw.read(CHUNK, decode_content=False):
                yield chunk
        except urllib3.exceptions.HTTPError as error:
            self._response.close()
            raise Unreachable(f"{self._what}: the connection broke off ({_reason(error)})") from error
        except BaseException:
            self._response.close()  # its connection as well: who knows what comes next on it
            raise
        self._response.raw.release_conn()

    def body(self, limit: int) -> bytes:
        """The whole body. Raises: UnexpectedAnswer when it has more than `limit` bytes."""
        data = bytearray()
        for chunk in self.chunks():
            data += chunk
            if len(data) > limit:
                self._response.close()
                raise UnexpectedAnswer(f"{self._what}: the answer is longer than {limit} bytes")
        return bytes(data)

    def close(self) -> None:
        """Leave the body unread; the connection is kept where little is left to come on it."""
        length = self.header("Content-Length") or ""
        if length.isdecimal() and int(length) <= WORTH_DRAINING:
            self._response.raw.drain_conn()
            self._response.raw.release_conn()
        else:
            self._response.close()

    def error(self) -> NotFound | Unauthorized | UnexpectedAnswer:
        """The error that this answer means."""
        said = _oci_error(self.body(MAX_ERROR_BODY))
        if self.status == HTTPStatus.NOT_FOUND:
            return NotFound(f"{self._what}: not found" + (f" ({said})" if said else ""))
        if self.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return Unauthorized(
                f"{self._what}: the registry refused with status {self.status}" + (f" ({said})" if said else ""),
                hint="this version of wpkg sends no credentials; use a registry that allows anonymous access",
            )
        return UnexpectedAnswer(
            f"{self._what}: the registry answered with status {self.status}" + (f" ({said})" if said else "")
        )


class Transport:
    """Sends requests; keeps connections open between them. Safe for several threads at once.

    Each thread has a session of its own, because requests promises nothing else; all of them share one pool of
    connections, which urllib3 makes for several threads. Cookies are neither kept nor sent.
    """

    def __init__(self) -> None:
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._adapter: HTTPAdapter | None = None

    def request(
        self,
        method: str,
        url: str,
        what: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | BinaryIO | None = None,
    ) -> Answer:
        """The answer to a request, redirects followed. `what` says in errors what was being done.

        Raises: Unreachable, UnexpectedAnswer.
        """
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(method, url, what, headers or {}, data)
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or location is None or method not in ("GET", "HEAD"):
                return Answer(response, url, what)
            response.close()
            url = follow(url, location, what)
        raise UnexpectedAnswer(f"{what}: more than {MAX_REDIRECTS} redirects")

    def _send(
        self, method: str, url: str, what: str, headers: Mapping[str, str], data: bytes | BinaryIO | None
    ) -> requests.Response:
        import requests

        try:
            return self._session().request(
                method,
                url,
                headers=dict(headers),
                data=data,
                auth=_no_netrc,
                stream=True,
                allow_redirects=False,
                proxies=_NO_PROXY if _is_loopback(urlsplit(url).netloc) else None,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            )
        except requests.RequestException as error:
            raise Unreachable(
                f"{what}: cannot reach {urlsplit(url).netloc} ({_reason(error)})",
                hint="check that the registry is running and that its address is right",
            ) from error

    def _session(self) -> requests.Session:
        """The session of this thread."""
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            from http.cookiejar import DefaultCookiePolicy

            import requests
            from requests.adapters import HTTPAdapter

            with self._lock:
                if self._adapter is None:
                    self._adapter = HTTPAdapter(pool_maxsize=MAX_CONNECTIONS)
            session = requests.Session()
            session.headers.update({"User-Agent": f"wpkg/{__version__}", "Accept-Encoding": "identity"})
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            for scheme in ("http://", "https://"):
                session.mount(scheme, self._adapter)
            self._threads.session = session
        return session


def follow(url: str, location: str, what: str) -> str:
    """Where `location`, an answer of `url`, leads. Raises: UnexpectedAnswer."""
    target = urljoin(url, location)
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UnexpectedAnswer(f"{what}: the registry sent the location '{location}', which leads nowhere")
    if parts.scheme == "http" and urlsplit(url).scheme == "https":
        raise UnexpectedAnswer(f"{what}: the registry redirects from https to plain http")
    return target


def _no_netrc(request: Any) -> Any:
    """An `auth` that adds nothing: without one, requests would take a password from ~/.netrc."""
    return request


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words: urllib3 and requests wrap it several times."""
    text = str(error)
    if "timed out" in text:
        return "no answer in time"
    match = re.search(r"\[Errno -?\d+\] ([^'\")]+)", text)
    if match:
        return match[1].lower()
    if "CERTIFICATE_VERIFY_FAILED" in text or "SSLError" in text:
        return "its TLS certificate is not valid, or it speaks plain http"
    return type(error).__name__


def _oci_error(data: bytes) -> str:
    """Code and message of an OCI error body (distribution-spec, "Error Codes"), '' for anything else."""
    try:
        first = json.loads(data)["errors"][0]
        return f"{first['code']}: {first['message']}"[:300]
    except (ValueError, LookupError, TypeError):
        return ""
