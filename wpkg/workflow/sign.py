"""Sign what is published already, or attest something of it; by digest, tags stay where they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.documents.strict_json import InvalidJson, load_object
from wpkg.errors import InvalidInput
from wpkg.registry.disk import read_bytes, replacing
from wpkg.workflow.attach import attest_release, published_as, sign_release
from wpkg.workflow.find_file import digest_of
from wpkg.workflow.locate import locate
from wpkg.workflow.sources import means_file
from wpkg.workflow.verify import find_release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.oci.digest import Digest
    from wpkg.trust.keys import PrivateKey
    from wpkg.trust.policy import Format
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World


class Signed(Struct, frozen=True):
    """An artifact that somebody has signed."""

    release: Release
    signer: str  # hint of the key


class Attested(Struct, frozen=True):
    """An artifact about which somebody has attested something."""

    release: Release
    signer: str  # hint of the key
    predicate_type: str


def sign(
    world: World,
    root: Path,
    text: str,
    key: PrivateKey,
    formats: Sequence[Format] = ("bundle", "legacy"),
    *,
    raw: bool = False,
) -> Signed:
    """Sign what `text` means, read from the registry, in each of the formats.

    What is signed is the digest, and package, version and kind: as the artifact itself says them, or, where other
    tools have published it, as `text` does. Signing the same again changes nothing.

    Raises: NotReadBack, RegistryError, InvalidInput.
    """
    if means_file(text):
        raise InvalidInput(
            f"{text} is a file, whose signature has nowhere to be", hint=f"write it to one: --bundle {text}.json"
        )
    located = locate(world, root, text, raw=raw)
    release = find_release(world, located, cached=False)
    world.reporter.status("Signing", str(release.reference))
    sign_release(world, release, key, formats, named=located.pin)
    return Signed(release, key.public.hint)


class SignedBundle(Struct, frozen=True):
    """A bundle that was written to a file, and what it is about."""

    digest: Digest  # of a file, or of the manifest of what is published
    signer: str  # hint of the key


def sign_to_file(
    world: World, root: Path, text: str, key: PrivateKey, output: Path, *, raw: bool = False
) -> SignedBundle:
    """Sign what `text` means, a file or what is published, in a bundle at `output`; nothing is pushed.

    Raises: RegistryError, InvalidInput, CannotWrite.
    """
    from wpkg.trust.bundle import sign_statement
    from wpkg.trust.statement import COSIGN_SIGN, Statement, Subject, signature_statement

    if means_file(text):
        digest, shown = digest_of(Path(text)), text
        statement = Statement((Subject({digest.algorithm: digest.encoded}, Path(text).name),), COSIGN_SIGN)
    else:
        located = locate(world, root, text, raw=raw)
        release = find_release(world, located, cached=False)
        digest, shown = release.manifest.digest, str(release.reference)
        statement = signature_statement(published_as(release, located.pin))
    world.reporter.status("Signing", shown)
    with replacing(output) as file:
        file.write(sign_statement(key, statement))
    return SignedBundle(digest, key.public.hint)


def attest(
    world: World, root: Path, text: str, key: PrivateKey, predicate_type: str, file: Path, *, raw: bool = False
) -> Attested:
    """Attest that the predicate in `file`, a JSON object, is true of what `text` means.

    `predicate_type` is a URI, or what cosign calls it. What the predicate says is not looked at.

    Raises: NotReadBack, RegistryError, InvalidInput.
    """
    from wpkg.trust.statement import COSIGN_SIGN, PREDICATE_NAMES, Statement

    kind = PREDICATE_NAMES.get(predicate_type, predicate_type)
    if ":" not in kind:
        raise InvalidInput(
            f"'{predicate_type}' is not a predicate type",
            hint=f"write its URI, or one of: {', '.join(PREDICATE_NAMES)}",
        )
    if kind == COSIGN_SIGN:
        raise InvalidInput(f"{kind} is what a signature says, not an attestation", hint="use 'wpkg sign'")
    predicate = _read_predicate(file)
    located = locate(world, root, text, raw=raw)
    release = find_release(world, located, cached=False)
    world.reporter.status("Attesting", f"{kind} of {release.reference}")
    statement = Statement(published_as(release, located.pin).subjects, kind, predicate)
    attest_release(world, release, key, statement)
    return Attested(release, key.public.hint, kind)


def _read_predicate(file: Path) -> dict[str, Any]:
    try:
        return load_object(read_bytes(file))
    except InvalidJson as error:
        raise error.within(str(file)) from None
