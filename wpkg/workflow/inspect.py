"""What is in a component or WIT package, on disk or in a registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.component.describe import Extern, described
from wpkg.component.nesting import Contents, contents_of, read_parts
from wpkg.component.read import read_definition
from wpkg.errors import WpkgError
from wpkg.oci.digest import Digest
from wpkg.wit.text import wit_text
from wpkg.workflow.evidence import signature_claims
from wpkg.workflow.locate import locate, project_here
from wpkg.workflow.release import Release, fetch_component
from wpkg.workflow.sources import ComponentFile, Sources, means_file
from wpkg.workflow.verify import find_release

if TYPE_CHECKING:
    from wpkg.component.read import Read
    from wpkg.wit.text import WitText
    from wpkg.workflow.capabilities import Request
    from wpkg.workflow.evidence import SignatureClaim
    from wpkg.workflow.world import World


class Inspected(Struct, frozen=True):
    """What a component or WIT package is. `release` is None for a file on disk.

    `digest`, `claims` and `tree` are None where they were not asked for, `claims` for a file too.
    """

    subject: str
    kind: str  # one of `wpkg.oci.artifact.KINDS`
    digest: Digest | None
    size: int  # bytes
    wit: WitText
    imports: tuple[Extern, ...]
    exports: tuple[Extern, ...]
    release: Release | None
    claims: tuple[SignatureClaim, ...] | None  # who says to have signed; nothing of it is verified
    tree: Contents[Digest] | None
    requests: tuple[Request, ...] | None = None  # what it asks of the host; None where nobody has rules for that


class Asked(Struct, frozen=True):
    """What is to be found out beyond the WIT, for which nothing but types is read."""

    identity: bool = True  # the digest, and of what is published who says to have signed it
    tree: bool = False


IDENTITY = Asked()


def inspect(world: World, root: Path, text: str, asked: Asked = IDENTITY) -> Inspected:
    """What `text` is: a file, a package of the project's registries, or a reference. Raises: WpkgError."""
    if means_file(text):
        return _judged(root, _inspected(text, ComponentFile(text, Path(text)), asked, None, None), Path(text))
    located = locate(world, root, text, or_file=True)
    release = find_release(world, located)
    file = ComponentFile(str(located), fetch_component(world, release, str(located)))
    claims = signature_claims(world, release) if asked.identity else None
    return _judged(root, _inspected(str(located.reference), file, asked, release, claims), file.path)


def _judged(root: Path, found: Inspected, path: Path) -> Inspected:
    """What was found, with what the rules of the project in `root` say of it, if there are any."""
    opened = project_here(root)
    if opened is None or found.kind == "wit" or not opened.project.capabilities.says_something:
        return found
    from wpkg.workflow.judge import judge_component

    return replace(found, requests=judge_component(opened.project, found.subject, found.release, path))


def _inspected(
    subject: str,
    file: ComponentFile,
    asked: Asked,
    release: Release | None,
    claims: tuple[SignatureClaim, ...] | None,
) -> Inspected:
    """What is in `file`, whose digest is known where it is of a release: the cache has verified it."""
    with Sources([file], all_digests=asked.identity and release is None) as sources:
        [source] = sources
        try:
            read = read_definition(source.data)
            wit = wit_text(source.data, read)
            parts = read_parts(source.data, read.definition) if asked.tree else None
            tree = contents_of(source.data, parts, Digest.of) if parts is not None else None
        except WpkgError as error:
            raise error.within(file.name) from None
        return Inspected(
            subject,
            _kind(read, release),
            release.component.digest if release is not None else source.digest,
            source.size,
            wit,
            () if read.is_wit_package else described(read.type.imports),
            () if read.is_wit_package else described(read.type.exports),
            release,
            claims,
            tree,
        )


def _kind(read: Read, release: Release | None) -> str:
    if read.is_wit_package:
        return "wit"
    return "component" if release is None else release.kind
