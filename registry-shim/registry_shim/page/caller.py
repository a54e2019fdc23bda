"""A service, asked in somebody's name: what they may not see, the page does not show them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.errors import RulesUnreadable
from registry_shim.protocol.messages import Request
from registry_shim.protocol.registry import exchange

if TYPE_CHECKING:
    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Response
    from registry_shim.protocol.service import Service

CREDENTIALS = ("authorization",)  # headers that say who asks


class Caller:
    """A `Service` that adds the credentials of one request to every other one."""

    def __init__(self, service: Service, request: Request) -> None:
        self._service = service
        self._headers = {name: value for name, value in request.headers.items() if name in CREDENTIALS}

    def begin(self, request: Request) -> Response | Intake:
        """See Service."""
        headers = {**request.headers, **self._headers}
        return self._service.begin(Request(request.method, request.path, request.query, headers))

    def is_immediate(self, request: Request) -> bool:
        """See Service."""
        return self._service.is_immediate(request)

    def may_see(self, repository: str, tag: str) -> bool:
        """Whether the caller could pull what the tag names."""
        response = exchange(self, Request("HEAD", f"/v2/{repository}/manifests/{tag}"))
        return response.status == HTTPStatus.OK

    def may_list(self, repository: str) -> bool:
        """Whether the caller could list the tags."""
        response = exchange(self, Request("GET", f"/v2/{repository}/tags/list", "n=0"))
        return response.status == HTTPStatus.OK

    @property
    def has_credentials(self) -> bool:
        """Whether the caller says who they are."""
        return bool(self._headers)

    def challenge(self) -> Response | None:
        """The answer that asks for a password; None where the caller has given a right one, or nobody is asked.

        Raises: RulesUnreadable.
        """
        return self._challenge("/v2/")

    def challenge_to_list(self, repository: str) -> Response | None:
        """Likewise, where a caller who has given none needs one for the tags of a repository."""
        return None if self.has_credentials else self._challenge(f"/v2/{repository}/tags/list")

    def _challenge(self, path: str) -> Response | None:
        response = exchange(self, Request("GET", path, "n=0"))
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RulesUnreadable("the registry cannot tell who may see what; its log says why")
        return response if response.status == HTTPStatus.UNAUTHORIZED else None
