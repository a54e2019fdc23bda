"""Names as clients of another registry know them, who say with `?ns=ghcr.io` of which one, as containerd does.

Distribution-spec, main of 2025-11, "Registry Proxying". The request becomes one for the name here, before anything
else looks at it: who may read it, and what a policy says of it, goes by that name. The answer says with
`OCI-Namespace` that the name was understood so. A registry that is not mirrored has nothing here: its names must
not be taken for those of another one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from registry_shim.protocol.messages import ErrorCode, Refusal, Response, echo, not_found
from registry_shim.protocol.routes import find_route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Request
    from registry_shim.protocol.service import Service
    from registry_shim.upstream.address import Upstream

PARAMETER = "ns"
READING = ("GET", "HEAD")


class Namespaces:
    """A `Service` in front of all others. `registry` is what clients call this one."""

    def __init__(self, service: Service, upstreams: Sequence[Upstream], registry: str) -> None:
        self._service = service
        # Of two that mirror parts of one registry, the one with the smaller part knows better.
        self._upstreams = sorted(upstreams, key=lambda upstream: -len(upstream.path))
        self._registry = registry

    def is_immediate(self, request: Request) -> bool:
        """See Service."""
        try:
            return self._service.is_immediate(self._translate(request)[0])
        except Refusal:
            return True

    def begin(self, request: Request) -> Response | Intake:
        """See Service. Raises: WpkgError."""
        translated, namespace = self._translate(request)
        response = self._service.begin(translated)
        if namespace is None or not isinstance(response, Response):
            return response
        return replace(response, headers=(*response.headers, ("OCI-Namespace", namespace)))

    def _translate(self, request: Request) -> tuple[Request, str | None]:
        """The request for the name here, and of which registry the name was. Raises: Refusal."""
        asked = request.parameter(PARAMETER) if request.method in READING else None
        if not asked or asked == self._registry:
            return request, None
        repository = find_route(request.path).repository
        if not repository:
            return request, None
        for upstream in self._upstreams:
            name = upstream.name_of(asked, repository)
            if name is not None:
                rest = request.path.removeprefix(f"/v2/{repository}")
                others = (
                    item for item in request.query.split("&") if unquote(item.partition("=")[0]) != PARAMETER
                )
                return replace(request, path=f"/v2/{name}{rest}", query="&".join(others)), asked
        raise not_found(ErrorCode.NAME_UNKNOWN, f"this registry mirrors no {echo(repository)} of {echo(asked)}")
