"""What network libraries say when something fails, in a few words, and whether it may go better in a moment."""

from __future__ import annotations

import errno
import re
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it was made from: urllib3 wraps it several times, in several ways."""
    seen: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        one = pending.pop()
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            yield one
            pending += [getattr(one, "reason", None), one.__cause__, one.__context__, *one.args]


def is_passing(error: BaseException) -> bool:
    """Whether it may go better in a moment: not where nobody listens, the name is unknown, or TLS fails."""
    import urllib3.exceptions

    for cause in _causes(error):
        if isinstance(cause, ConnectionRefusedError | urllib3.exceptions.SSLError | ValueError):
            return False
        if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
            return False
    return True


def hint_for(error: BaseException) -> str:
    """What a person can do where a registry cannot be reached."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "SSL_CERT_FILE=FILE names the certificates to trust"
    if "SSLError" in text:
        return "if it speaks plain http, name it in WPKG_INSECURE_REGISTRIES"
    return "check that the registry is running and that its address is right"


def reason_of(error: BaseException) -> str:
    """The innermost cause in a few words."""
    text = str(error)
    if "timed out" in text:
        return "no answer in time"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its TLS certificate is not valid"
    if "SSLError" in text:
        return "TLS failed"
    if "IncompleteRead" in text:
        return "fewer bytes came than were announced"
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in errno.errorcode and cause.strerror:
            return cause.strerror.lower()
    match = re.search(r"\[Errno -?\d+\] ([^'\")]+)", text)
    if match:
        return match[1].lower()
    return type(error).__name__
