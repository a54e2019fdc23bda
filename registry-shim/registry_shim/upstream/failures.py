"""How it is answered when the other registry cannot be asked, refuses, or sends what it should not.

The log tells all. A client is told which registry it was and what kind of failure; never more, for the message of
an error may name files of this machine.
"""

from __future__ import annotations

import math
from http import HTTPStatus

from registry_shim.protocol.messages import ErrorCode, Headers, Refusal, code_to_wait
from wpkg.oci.digest import ContentMismatch
from wpkg.oci.manifest import MalformedManifest
from wpkg.registry.errors import AskedToWait, Unauthorized, Unreachable


class UpstreamFailed(Refusal):
    """What was asked for is not here, and the other registry did not give it."""


class Interrupted(Refusal):
    """The registry ends while another one is being asked."""

    def __init__(self) -> None:
        super().__init__(
            HTTPStatus.SERVICE_UNAVAILABLE,
            ErrorCode.UNSUPPORTED,
            "the registry is being shut down; try again",
        )


def describe_failure(registry: str, error: Exception) -> UpstreamFailed:
    """The refusal that an error of the client means."""
    status, code = HTTPStatus.BAD_GATEWAY, ErrorCode.UNSUPPORTED
    headers: Headers = ()
    match error:
        case UpstreamFailed():
            return error
        case AskedToWait():
            status, code = HTTPStatus(error.status), code_to_wait(error.status)
            said = f"{registry}, which this mirrors, asks to wait"
            if error.seconds is not None:
                headers = (("Retry-After", str(math.ceil(error.seconds))),)
        case Unreachable():
            said = f"{registry}, which this mirrors, cannot be reached"
        case Unauthorized():
            status, code = HTTPStatus.FORBIDDEN, ErrorCode.DENIED
            said = f"{registry}, which this mirrors, does not let this registry have it"
        case ContentMismatch():
            code = ErrorCode.DIGEST_INVALID
            said = f"{registry}, which this mirrors, sent other bytes than the digest says"
        case MalformedManifest():
            code = ErrorCode.MANIFEST_INVALID
            said = f"{registry}, which this mirrors, sent a manifest that is none"
        case _:
            said = f"{registry}, which this mirrors, answered with something unexpected"
    return UpstreamFailed(status, code, said, headers=headers)
