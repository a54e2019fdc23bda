"""References to artifacts in registries (distribution-spec v1.1.1, "Pulling manifests").

Grammar::

    reference  ::= repository ( ':' tag )? ( '@' digest )?
    repository ::= registry '/' path | folder
    registry   ::= host ( ':' port )?
    host       ::= domain name | IPv4 address | '[' IPv6 address ']'
    path       ::= component ( '/' component )*
    component  ::= [a-z0-9]+ ( ( '.' | '_' | '__' | '-'+ ) [a-z0-9]+ )*
    tag        ::= [A-Za-z0-9_] [A-Za-z0-9._-]{0,127}
    folder     ::= 'dir:' path of a folder            no ':', no '@', no control character in it

The registry is always written; there is no default one. A folder is an OCI image layout on disk; its path is kept
in its shortest form, a relative one with './' or '../' before it, so that one folder has one name.
"""

from __future__ import annotations

import posixpath
import re
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput
from wpkg.oci.digest import Digest

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
REGISTRY = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"

FOLDER = r"dir:[^\x00-\x1f\x7f:@]+"
_FOLDER_SCHEME = "dir:"

_FOLDER_REFERENCE = re.compile(rf"({FOLDER})(?::({TAG}))?(?:@(.+))?")
_REPOSITORY = re.compile(rf"({REGISTRY})/({PATH})")
_REFERENCE = re.compile(rf"({REGISTRY})/({PATH})(?::({TAG}))?(?:@(.+))?")
_PATH = re.compile(PATH)
_TAG = re.compile(TAG)

MAX_FOLDER_LENGTH = 4096  # characters
MAX_REPOSITORY_LENGTH = 255  # characters of 'registry/path'; clients cap it there


class InvalidReference(InvalidInput):
    """A text is not a reference to an artifact."""


def is_repository_path(text: str) -> bool:
    """Whether `text` is a repository path of the grammar and of a length that clients accept."""
    return len(text) <= MAX_REPOSITORY_LENGTH and _PATH.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether `text` is a tag of the grammar."""
    return _TAG.fullmatch(text) is not None


class Repository(Struct, frozen=True, order=True):
    """`registry/path`, for example `ghcr.io/acme/app`; or `dir:path`, whose registry is ''."""

    registry: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The repository that `text` names. Raises: InvalidReference."""
        if text.startswith(_FOLDER_SCHEME):
            return cls("", _folder_path(text))
        match = _REPOSITORY.fullmatch(text) if len(text) <= MAX_REPOSITORY_LENGTH else None
        if match is None:
            raise InvalidReference(
                f"'{text[:MAX_REPOSITORY_LENGTH]}' is not a repository",
                hint="a repository is 'registry/path', for example ghcr.io/acme/app",
            )
        return cls(match[1], match[2])

    def seen_from_above(self, below: str) -> Self:
        """The same folder, said from where `below` leads to where it was said; what is no relative path stays."""
        if not self.is_folder or self.path.startswith("/"):
            return self
        return type(self)("", _folder_path(f"{_FOLDER_SCHEME}{below}/{self.path}"))

    def at(self, *, tag: str | None = None, digest: Digest | None = None) -> Reference:
        """The reference to what `tag` or `digest` names here."""
        return Reference(self, tag, digest)

    @property
    def is_folder(self) -> bool:
        """Whether it is an OCI layout on disk."""
        return not self.registry

    def __str__(self) -> str:
        return f"{_FOLDER_SCHEME}{self.path}" if self.is_folder else f"{self.registry}/{self.path}"


class Reference(Struct, frozen=True):
    """A repository with a tag, a digest, both (the digest decides) or neither."""

    repository: Repository
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reference that `text` spells. Raises: InvalidReference, InvalidDigest."""
        if text.startswith(_FOLDER_SCHEME):
            found = _FOLDER_REFERENCE.fullmatch(text)
            folder = Repository("", _folder_path(found[1] if found is not None else text))
            if found is None:
                raise InvalidReference(
                    f"'{text[:MAX_REPOSITORY_LENGTH]}' is not a reference",
                    hint="a reference to a layout is 'dir:folder:tag' or 'dir:folder@sha256:…'",
                )
            return cls(folder, found[2], Digest.parse(found[3]) if found[3] else None)
        match = _REFERENCE.fullmatch(text)
        if match is None or len(match[1]) + 1 + len(match[2]) > MAX_REPOSITORY_LENGTH:
            raise InvalidReference(
                f"'{text[:MAX_REPOSITORY_LENGTH]}' is not a reference",
                hint="a reference is 'registry/path:tag' or 'registry/path@sha256:…'",
            )
        digest = Digest.parse(match[4]) if match[4] else None
        return cls(Repository(match[1], match[2]), match[3], digest)

    def pinned(self, digest: Digest) -> Self:
        """The same reference with `digest`."""
        return replace(self, digest=digest)

    @property
    def wire(self) -> str:
        """The last part of the manifest's URL: the digest, else the tag. There must be one."""
        if self.digest is not None:
            return str(self.digest)
        if self.tag is None:
            raise InvalidReference(f"'{self}' has neither tag nor digest")
        return self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


def _folder_path(text: str) -> str:
    """The path in `dir:path`, in its shortest form. Raises: InvalidReference."""
    path = text.removeprefix(_FOLDER_SCHEME)
    if re.fullmatch(FOLDER, text) is None or len(path) > MAX_FOLDER_LENGTH or not _is_text(path):
        raise InvalidReference(
            f"'{text[:MAX_REPOSITORY_LENGTH]}' is not a folder of a layout",
            hint="a folder is 'dir:path', for example dir:./vendor; its path has neither ':' nor '@'",
        )
    path = posixpath.normpath(path)
    if path.startswith("/"):
        return "/" + path.lstrip("/")
    return path if path == ".." or path.startswith("../") else "." if path == "." else f"./{path}"


def _is_text(path: str) -> bool:
    """Whether `path` can be written down as UTF-8; names of files need not be."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
