from __future__ import annotations

import pytest

from wpkg.errors import InvalidInput
from wpkg.oci.reference import Reference, Repository, is_repository_path, is_tag

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag", "digest"),
    [
        ("ghcr.io/acme/app:1.0.0", "ghcr.io", "acme/app", "1.0.0", None),
        ("127.0.0.1:5000/demo/a/b@" + DIGEST, "127.0.0.1:5000", "demo/a/b", None, DIGEST),
        ("localhost:5000/a:v1_b@" + DIGEST, "localhost:5000", "a", "v1_b", DIGEST),
        ("[::1]:5000/a/b:x", "[::1]:5000", "a/b", "x", None),
        ("reg.example.com/a__b/c-d.e", "reg.example.com", "a__b/c-d.e", None, None),
    ],
)
def test_references_are_read_and_print_as_written(
    text: str, registry: str, path: str, tag: str | None, digest: str | None
) -> None:
    reference = Reference.parse(text)
    found = (reference.repository.registry, reference.repository.path, reference.tag)
    assert found == (registry, path, tag)
    assert (str(reference.digest) if reference.digest else None) == digest
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app",
        "/app",
        "ghcr.io/",
        "ghcr.io/Acme/app:1",
        "ghcr.io/../etc",
        "ghcr.io/a/../b",
        "ghcr.io//a",
        "ghcr.io/a:",
        "ghcr.io/a:.x",
        "ghcr.io/a:" + "x" * 129,
        "ghcr.io/a@sha256:zz",
        "ghcr.io/a?x=1",
        "https://ghcr.io/a:1",
        "user:pw@ghcr.io/a:1",
        "ghcr.io/a b:1",
        "ghcr.io/a:1\n",
        "ghcr.io/" + "a" * 300,
        "ghcr.io:port/a:1",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Reference.parse(text)


def test_the_digest_decides_on_the_wire() -> None:
    repository = Repository.parse("ghcr.io/acme/app")
    reference = Reference.parse(f"{repository}:1.0.0@{DIGEST}")
    assert reference.wire == DIGEST
    assert repository.at(tag="1.0.0").wire == "1.0.0"
    with pytest.raises(InvalidInput):
        _ = repository.at().wire


def test_length_limits() -> None:
    assert is_repository_path("a" * 255)
    assert not is_repository_path("a" * 256)
    assert is_tag("a" * 128)
    assert not is_tag("a" * 129)


@pytest.mark.parametrize(
    ("said", "below", "seen"),
    [
        ("dir:./vendor", ".", "dir:./vendor"),
        ("dir:./vendor/a", "parts/one", "dir:./parts/one/vendor/a"),
        ("dir:../../vendor", "parts/one", "dir:./vendor"),
        ("dir:../out", "../beside", "dir:../out"),
        ("dir:..", "..", "dir:../.."),
        ("dir:/vendor", "parts/one", "dir:/vendor"),
        ("a.test/vendor", "parts/one", "a.test/vendor"),
    ],
)
def test_a_folder_is_the_same_seen_from_another(said: str, below: str, seen: str) -> None:
    assert str(Repository.parse(said).seen_from_above(below)) == seen
