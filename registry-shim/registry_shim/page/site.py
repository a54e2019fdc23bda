"""The page: the answer to everything outside of `/v2/`."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING

from registry_shim.catalogue.query import Query, read_query
from registry_shim.page import paths
from registry_shim.page.api import DEFAULT_COUNT, MAX_COUNT, search_json
from registry_shim.page.caller import Caller
from registry_shim.page.facts import Looks, gather
from registry_shim.page.html import tag
from registry_shim.page.layout import document
from registry_shim.page.lists import Asked, home_page, repository_page, search_page
from registry_shim.page.version import version_page
from registry_shim.protocol.asking import NotHere
from registry_shim.protocol.messages import ErrorCode, Headers, Refusal, Request, Response
from registry_shim.protocol.registry import exchange, refuse
from wpkg.documents.strict_json import dump_json
from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_shim.catalogue.catalogue import Catalogue
    from registry_shim.page.facts import Judge
    from registry_shim.protocol.service import Service

HTML = "text/html; charset=utf-8"
JSON = "application/json"
MAX_OFFSET = 1_000_000
METHODS = ("GET", "HEAD")

# Nothing from elsewhere, no script, nobody's frame. What is shown was written by whoever may push.
_CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY: Headers = (
    ("Content-Security-Policy", _CONTENT_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


class Site:
    """The pages of one registry, made from what `service` shows to whoever asks.

    `registry` is what people call it; `judge` says where a tag stands, None without a policy; `is_public` whether
    there is anything to see without a password, None where nobody is asked for one.
    """

    def __init__(
        self,
        service: Service,
        catalogue: Catalogue,
        registry: str,
        judge: Judge | None = None,
        is_public: Callable[[], bool] | None = None,
    ) -> None:
        self._service = service
        self._catalogue = catalogue
        self._registry = registry
        self._judge = judge
        self._is_public = is_public
        self._looks = Looks()

    def answer(self, request: Request) -> Response:
        """The response. Never raises a WpkgError: what goes wrong is said on a page as well."""
        if request.method not in METHODS:
            return self._problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "This page can only be read.", (("Allow", ", ".join(METHODS)),)
            )
        try:
            return self._answer(request)
        except NotHere as error:
            return self._problem(HTTPStatus.NOT_FOUND, str(error))
        except WpkgError as error:
            return self._problem(HTTPStatus.BAD_GATEWAY, f"It cannot be shown: {error}")

    def _answer(self, request: Request) -> Response:
        match request.path:
            case paths.STYLE:
                return _response(request, _resource("style.css"), "text/css; charset=utf-8", "public, max-age=300")
            case paths.ICON:
                return _response(request, _resource("icon.svg"), "image/svg+xml", "public, max-age=86400")
        if not paths.is_place(request.path):
            return self._problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
        caller = Caller(self._service, request)
        challenge = caller.challenge()
        if challenge is not None and (request.path == paths.SIGN_IN or not self._is_for_anybody(caller)):
            return challenge
        match request.path:
            case paths.SIGN_IN:
                return Response(HTTPStatus.SEE_OTHER, (("Location", paths.HOME), ("Cache-Control", "no-store")))
            case paths.HOME:
                body = home_page(
                    self._registry,
                    self._catalogue,
                    caller,
                    Query(),
                    _offset(request),
                    is_stranger=challenge is not None,
                )
            case paths.SEARCH:
                body = self._search(request, caller)
            case paths.SEARCH_API:
                return self._search_api(request, caller)
            case _:
                return self._place(request, caller)
        return _response(request, body, HTML)

    def _is_for_anybody(self, caller: Caller) -> bool:
        """Whether a caller may look around who has not said who they are."""
        return not caller.has_credentials and self._is_public is not None and self._is_public()

    def _search(self, request: Request, caller: Caller) -> bytes:
        exports, imports = (_items(request, name) for name in ("exports", "imports"))
        asked = Asked(exports, imports, _text(request, "q"), _offset(request))
        try:
            query, problem = read_query(exports, imports, asked.text), None
        except InvalidInput as error:
            query, problem = Query(), error
        return search_page(self._registry, self._catalogue, caller, query, asked, problem)

    def _search_api(self, request: Request, caller: Caller) -> Response:
        try:
            query = read_query(_items(request, "exports"), _items(request, "imports"), _text(request, "q"))
            count = _number(request, "n", DEFAULT_COUNT, 1, MAX_COUNT)
            offset = _number(request, "offset", 0)
            answer = search_json(self._catalogue, caller, query, offset, count)
        except InvalidInput as error:
            return refuse(
                Refusal(
                    HTTPStatus.BAD_REQUEST,
                    ErrorCode.UNSUPPORTED,
                    str(error),
                    detail={"hint": error.hint} if error.hint else None,
                )
            )
        return _response(request, dump_json(answer), JSON)

    def _place(self, request: Request, caller: Caller) -> Response:
        place = paths.read_place(request.path)
        if place is None:
            return self._problem(HTTPStatus.NOT_FOUND, "This is no repository, tag or digest.")
        if not place.reference:
            challenge = caller.challenge_to_list(place.repository)
            if challenge is not None:
                return challenge
            body = repository_page(self._registry, self._catalogue, caller, place.repository)
            if body is None:
                return self._problem(HTTPStatus.NOT_FOUND, f"There is no repository {place.repository} here.")
            return _response(request, body, HTML)
        found = exchange(caller, Request("HEAD", f"/v2/{place.repository}/manifests/{place.reference}"))
        if found.status == HTTPStatus.UNAUTHORIZED and not caller.has_credentials:
            return found
        if found.status != HTTPStatus.OK:
            return self._not_shown(place, found)
        headers = {name.lower(): value for name, value in found.headers}
        digest = Digest.parse(headers["docker-content-digest"])
        subject = Descriptor(headers["content-type"], digest, int(headers["content-length"]))
        facts = gather(caller, self._catalogue, self._looks, self._judge, place, subject)
        return _response(request, version_page(self._registry, facts), HTML)

    def _not_shown(self, place: paths.Place, answer: Response) -> Response:
        if answer.status == HTTPStatus.FORBIDDEN:
            warning = next((value for name, value in answer.headers if name == "Warning"), "")
            reason = warning.removeprefix('299 - "').removesuffix('"').replace('\\"', '"').replace("\\\\", "\\")
            return self._problem(HTTPStatus.FORBIDDEN, f"This registry does not show {place}. {reason}".strip())
        if answer.status == HTTPStatus.NOT_FOUND:
            return self._problem(HTTPStatus.NOT_FOUND, f"There is no {place} here.")
        return self._problem(HTTPStatus.BAD_GATEWAY, f"{place} cannot be shown; the registry's log says why.")

    def _problem(self, status: HTTPStatus, sentence: str, headers: Headers = ()) -> Response:
        body = document(self._registry, status.phrase, tag("h1", status.phrase), tag("p", sentence))
        return Response(status, (("Content-Type", HTML), ("Cache-Control", "no-store"), *SECURITY, *headers), body)


def _response(request: Request, body: bytes, media_type: str, caching: str = "no-cache") -> Response:
    """The body, or 304 where the client has it. `no-cache` lets it be kept, and asked for each time."""
    etag = f'"{Digest.of(body).encoded[:32]}"'
    headers: Headers = (("ETag", etag), ("Cache-Control", caching), ("Vary", "Authorization"), *SECURITY)
    held = [item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(",")]
    if etag in held or held == ["*"]:
        return Response(HTTPStatus.NOT_MODIFIED, headers)
    headers = (("Content-Type", media_type), ("Content-Length", str(len(body))), *headers)
    return Response(HTTPStatus.OK, headers, b"" if request.method == "HEAD" else body)


@cache
def _resource(name: str) -> bytes:
    """A file that came with the program."""
    return resources.files("registry_shim.page").joinpath(name).read_bytes()


def _text(request: Request, name: str) -> str:
    # Forms send '+' for a space, and '%2B' for a plus.
    return " ".join(value for value in _form_values(request, name) if value)


def _items(request: Request, name: str) -> list[str]:
    """The interfaces that a parameter names: it may be repeated, and hold several apart by spaces."""
    return [item for value in _form_values(request, name) for item in value.split()]


def _form_values(request: Request, name: str) -> list[str]:
    form = Request(request.method, request.path, request.query.replace("+", "%20"))
    return form.parameters(name)


def _number(request: Request, name: str, default: int, least: int = 0, most: int = MAX_OFFSET) -> int:
    """Raises: InvalidInput."""
    text = request.parameter(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    if not is_number or not least <= int(text) <= most:
        raise InvalidInput(f"{name} is a number from {least} to {most}")
    return int(text)


def _offset(request: Request) -> int:
    """Where a list is to begin; a person who typed something else is at its beginning."""
    try:
        return _number(request, "offset", 0)
    except InvalidInput:
        return 0
