r"""`[trust.identities]` of a policy.

Grammar (TOML)::

    [trust.identities.NAME]
    issuer         = "https://token.actions.githubusercontent.com"     exactly as in the certificate
    subject        = "https://github.com/…@refs/tags/v1"               exactly; or instead of it
    subject-regexp = 'https://github\.com/…@refs/tags/v.*'            for the whole subject
    trusted-root   = "trust/trusted_root.json"                         never a URL; nothing is fetched

A root of trust is named and not built in: what is trusted is in the policy's files, and the same every day.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wpkg.documents.strict_json import InvalidJson
from wpkg.documents.toml_table import Table
from wpkg.errors import WpkgError
from wpkg.trust.identity import Identity
from wpkg.trust.policy import InvalidTrustPolicy, Signer
from wpkg.trust.signed_json import load_signed_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_IDENTITY = frozenset({"issuer", "subject", "subject-regexp", "trusted-root"})
_ISSUER = re.compile(r"[a-z][a-z0-9+.-]*:\S+")
_TRUSTED_ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot"  # of every version and spelling
TRUSTED_ROOT_HINT = (
    "for sigstore's own: cosign trusted-root create --with-default-services --out trusted_root.json"
)
MAX_TRUSTED_ROOT_SIZE = 4 * 1024 * 1024  # bytes


def read_identities(root: Table, read_file: Callable[[str], bytes]) -> Iterator[Signer]:
    """The identities of a policy, by name; `read_file` returns the file of a `trusted-root`.

    Raises: InvalidTrustPolicy, and what `read_file` raises.
    """
    names: dict[str, str] = {}
    identities = root.table("identities") or Table({}, root.where("identities"), InvalidTrustPolicy)
    for name, value in sorted(identities.values.items()):
        table = Table(value, identities.where(name), InvalidTrustPolicy)
        table.only(_IDENTITY)
        identity = Identity(
            _read_issuer(table), *_read_subject(table), trusted_root=_read_trusted_root(table, read_file)
        )
        other = names.setdefault(identity.hint, name)
        if other != name:
            # Two names for one could meet a threshold of two.
            raise InvalidTrustPolicy(f"it is the same identity as '{other}'").within(table.path)
        yield Signer(name, identity)


def _read_issuer(table: Table) -> str:
    issuer = table.required_text("issuer", "the issuer in the certificates: openssl x509 -text shows it")
    if _ISSUER.fullmatch(issuer) is None:
        raise table.fail("issuer", f"'{issuer[:80]}' is not a URI, such as https://accounts.example.com")
    return issuer


def _read_subject(table: Table) -> tuple[str | None, str | None]:
    """The subject and the pattern, one of which is None."""
    if ("subject" in table) == ("subject-regexp" in table):
        raise InvalidTrustPolicy("it needs either 'subject' or 'subject-regexp'").within(table.path)
    if "subject" in table:
        return table.required_text("subject"), None
    pattern = table.required_text("subject-regexp")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise table.fail("subject-regexp", f"it is not a regular expression: {error}") from error
    if any(compiled.fullmatch(anybody) for anybody in ("", "x")):
        raise table.fail("subject-regexp", "it names everybody to whom the issuer gives a token")
    return None, pattern


def _read_trusted_root(table: Table, read_file: Callable[[str], bytes]) -> bytes:
    path = table.required_text("trusted-root", TRUSTED_ROOT_HINT)
    try:
        return checked_trusted_root(path, read_file(path))
    except WpkgError as error:
        raise error.within(table.where("trusted-root")) from None


def checked_trusted_root(path: str, data: bytes) -> bytes:
    """`data`, of the file `path`, which says that it is a trusted root of sigstore. Raises: InvalidTrustPolicy."""
    try:
        media_type = load_signed_json(data, MAX_TRUSTED_ROOT_SIZE).get("mediaType")
    except InvalidJson as error:
        raise InvalidTrustPolicy(f"{path} is not a trusted root of sigstore: {error}") from error
    if not isinstance(media_type, str) or not media_type.startswith(_TRUSTED_ROOT_TYPE):
        raise InvalidTrustPolicy(f"{path} does not say that it is a trusted root of sigstore")
    return data
