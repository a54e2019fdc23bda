"""Encryption by a certificate and its key, in PEM files."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

from registry_shim.errors import InvalidCertificate
from wpkg.errors import WpkgError

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("registry_shim")


class Encryption:
    """The context of a server, at least TLS 1.2, from the files as they were last read.

    `certificate` holds the server's certificate and whatever leads from it to the root.

    Raises: InvalidCertificate.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._load(self.context)

    def reload(self) -> None:
        """Read the files again, for connections to come; with ones that cannot be used, go on as before."""
        try:
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            self._load(self.context)
        except WpkgError as error:
            logger.error("the certificate stays as it was: %s", error)  # noqa: TRY400 - a sentence
        else:
            logger.warning("the certificate was read again")

    def _load(self, context: ssl.SSLContext) -> None:
        for path in (self._certificate, self._key):
            try:
                path.read_bytes()
            except OSError as error:
                raise InvalidCertificate(f"it cannot be read: {error.strerror}").within(str(path)) from error
        try:
            context.load_cert_chain(self._certificate, self._key, self._password)
        except ssl.SSLError as error:
            raise self._explain(error) from error

    def _explain(self, error: ssl.SSLError) -> InvalidCertificate:
        if error.reason == "KEY_VALUES_MISMATCH":
            return InvalidCertificate("it is not the key of the certificate").within(str(self._key))
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(self._certificate)
        except ssl.SSLError:
            return InvalidCertificate("it holds no certificate in PEM").within(str(self._certificate))
        return InvalidCertificate("it holds no private key in PEM").within(str(self._key))

    def _password(self) -> str:
        """Raises: InvalidCertificate; without this, the terminal would be asked, if there is one."""
        raise InvalidCertificate(
            "it has a password, and a server has nobody to ask", hint="openssl pkey -in FILE writes it without one"
        ).within(str(self._key))
