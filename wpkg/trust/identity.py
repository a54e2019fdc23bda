"""Identities: who an issuer of certificates says that somebody is, and how policies and locks name them.

A keyless signature is made with a key that lives for minutes; what lasts is the identity in its certificate, which
an OpenID issuer has confirmed to a certificate authority. Importing this module loads nothing of sigstore's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Self

from msgspec import Struct
from msgspec.structs import replace


class Identity(Struct, frozen=True):
    """A subject, or a pattern of subjects, of one issuer, as known by one root of trust."""

    issuer: str  # of the token that the certificate was given for; a URI, so without white space
    subject: str | None  # name in the certificate; None where a pattern says which ones are meant
    pattern: str | None  # regular expression for the whole subject
    trusted_root: bytes  # sigstore's trusted_root.json: certificate authorities, logs, time stamp authorities

    @property
    def hint(self) -> str:
        """How a lock records it; the form of no key's fingerprint. Two roots do not make two identities."""
        return f"{self.issuer} {self.subject if self.subject is not None else f'~ {self.pattern}'}"

    def matches(self, issuer: str, subject: str) -> bool:
        """Whether a certificate with these two is of this identity; the whole of both is compared."""
        if issuer != self.issuer:
            return False
        if self.pattern is not None:
            return _compiled(self.pattern).fullmatch(subject) is not None
        return subject == self.subject

    def covers(self, other: Identity) -> bool:
        """Whether `other`, of one subject, is of this identity and known by the same root."""
        return (
            other.subject is not None
            and other.trusted_root == self.trusted_root
            and self.matches(other.issuer, other.subject)
        )

    def is_recorded_as(self, hint: str) -> bool:
        """Whether a lock means (one of) this identity by `hint`."""
        issuer, _, subject = hint.partition(" ")
        return self.matches(issuer, subject)

    def of(self, subject: str) -> Self:
        """The identity with one of its subjects, known by the same root."""
        return replace(self, subject=subject, pattern=None)

    def verifies(self, signature: bytes, message: bytes | memoryview) -> bool:  # noqa: ARG002
        """False: an identity has no key that lasts. What was signed keyless is for `wpkg.trust.keyless`."""
        return False


def describe_signer(hint: str) -> str:
    """A signer that a lock records, in words: 'the key …', 'the identity … of …'."""
    issuer, space, subject = hint.partition(" ")
    return f"the identity {subject} of {issuer}" if space else f"the key {hint}"


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
