"""A token server that docker-registry believes: JSON web tokens signed with a key of its own.

Format: distribution `docs/spec/auth/jwt.md`, v2.8.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from tests.fakes.fault_proxy import FaultProxy, Reply, Request, fault_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SERVICE = "docker-registry"
ISSUER = "tests"


@contextmanager
def token_server(folder: Path, password: str, life: int = 300) -> Iterator[tuple[FaultProxy, str]]:
    """A running token server, and the `auth` of a registry that believes it.

    Whoever knows the password of 'user' may do everything; others may read what is in `public/`.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key)
    (folder / "token.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    chain = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    expected = "Basic " + base64.b64encode(f"user:{password}".encode()).decode()

    def give(request: Request, forward: Callable[[], Reply]) -> Reply:
        if request.authorization not in (None, expected):
            return Reply(401)
        access = []
        for scope in parse_qs(urlsplit(request.path).query).get("scope", []):
            kind, name, actions = scope.split(":")
            public = ["pull"] if name.startswith("public/") else []
            granted = actions.split(",") if request.authorization else public
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": SERVICE, "sub": "user", "access": access, "jti": str(time.monotonic_ns()),
            "iat": now, "nbf": now - 10, "exp": now + life,
        }  # fmt: skip
        token = _sign(key, {"typ": "JWT", "alg": "ES256", "x5c": [chain]}, claims)
        return Reply(200, {}, json.dumps({"token": token, "expires_in": life}).encode())

    with fault_proxy(None) as server:
        server.on("GET", "^/token", give)
        auth = (
            f"auth: {{token: {{realm: 'http://{server.address}/token', service: {SERVICE}, issuer: {ISSUER}, "
            f"rootcertbundle: {folder}/token.pem}}}}\n"
        )
        yield server, auth


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _sign(key: ec.EllipticCurvePrivateKey, header: object, claims: object) -> str:
    parts = [_packed(json.dumps(part).encode()) for part in (header, claims)]
    r, s = decode_dss_signature(key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
    return ".".join([*parts, _packed(r.to_bytes(32, "big") + s.to_bytes(32, "big"))])


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
