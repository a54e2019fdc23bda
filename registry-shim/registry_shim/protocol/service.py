"""What answers requests: the registry, and whatever stands in front of it and asks it in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Request, Response


class Service(Protocol):
    """Requests to responses. Safe for several threads."""

    def begin(self, request: Request) -> Response | Intake:
        """The response, or what takes the body and then gives the response. Raises: WpkgError."""

    def is_immediate(self, request: Request) -> bool:
        """Whether `begin` opens at most one file and waits for nobody."""
