"""What goes wrong in the registry apart from what a client did; see `protocol` for how it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput, RegistryError

if TYPE_CHECKING:
    from wpkg.oci.digest import Digest


class UnusableRoot(InvalidInput):
    """The directory that shall hold the registry cannot."""


class RootInUse(RegistryError):
    """Another process serves the same root."""


class NoRegistry(InvalidInput):
    """There is no registry in the directory."""


class UpkeepStopped(RegistryError):
    """An order was not carried out to its end; what was done holds."""


class UpkeepFailed(RegistryError):
    """The system failed while an order was carried out."""


class NotCollected(RegistryError):
    """Some repositories are too damaged for anything to be removed from them."""


class DamageFound(RegistryError):
    """Not everything in the store is as it must be."""


class CannotListen(RegistryError):
    """The address cannot be listened on."""


class DamagedStore(RegistryError):
    """What is on disk is not what was put there. Never names a path of the server."""


class UnknownUpload(RegistryError):
    """There is no such upload session in the repository."""


class BusyUpload(RegistryError):
    """Another request is writing to the upload session."""


class MissingContent(RegistryError):
    """A manifest refers to content that the repository does not have."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(f"{digest} is not in this repository; push it before the manifest that names it")
        self.digest = digest


class PolicyUnreadable(RegistryError):
    """The trust policy has become unusable while the registry runs."""


class EvidenceUnavailable(RegistryError):
    """Whether an artifact is signed could not be looked up, which is not the same as it not being signed."""


class TryLater(EvidenceUnavailable):
    """It could not be looked up now; whoever was asked says when it may be."""

    def __init__(self, message: str, status: int, retry_after: str | None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after  # the header


class InvalidPasswordFile(InvalidInput):
    """The file of passwords cannot be used."""


class InvalidAccessRules(InvalidInput):
    """The rules who may do what cannot be used."""


class RulesUnreadable(RegistryError):
    """Passwords or rules have become unusable while the registry runs."""


class InvalidCertificate(InvalidInput):
    """The certificate or its key cannot be used."""


class TooManyUploads(RegistryError):
    """The repository has as many open upload sessions as it may have."""


class BlobTooLarge(RegistryError):
    """A blob has more bytes than the registry takes."""


class NoSpaceLeft(RegistryError):
    """What is free on the disk is kept for what must always be possible, such as deleting."""
