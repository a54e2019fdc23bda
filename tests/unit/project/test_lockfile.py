from __future__ import annotations

import pytest
from msgspec.structs import replace

from wpkg.errors import InvalidInput
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository
from wpkg.project.lockfile import InvalidLockFile, Lock, LockedPackage, read_lock

PACKAGE = LockedPackage(
    name=PackageName.parse("acme:app"),
    version=Version.parse("1.2.3"),
    kind="component",
    source=Repository.parse("ghcr.io/acme/acme/app"),
    tag="1.2.3",
    manifest=Digest.of(b"manifest"),
    component=Digest.of(b"component"),
    size=17,
    dependencies=(PackageName.parse("acme:b"), PackageName.parse("acme:a")),
    signers=("z=", "a="),
)
OTHER = replace(PACKAGE, name=PackageName.parse("acme:a"), dependencies=(), signers=())
LOCK = Lock((PACKAGE, OTHER))


def test_a_lock_reads_back_and_is_sorted() -> None:
    text = LOCK.encode()
    again = read_lock(text)
    assert again.encode() == text
    assert [str(package.name) for package in again.packages] == ["acme:a", "acme:app"]
    assert Lock((OTHER, PACKAGE)).encode() == text
    assert "\r" not in text


def test_an_empty_lock() -> None:
    assert read_lock(Lock(()).encode()) == Lock(())


def test_every_byte_of_a_lock_matters() -> None:
    """No single changed byte leaves the lock what it was: it is refused, or pins something else."""
    data = LOCK.encode().encode()
    same = []
    for i in range(len(data)):
        changed = data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :]
        try:
            found = read_lock(changed.decode("utf-8", "surrogateescape"))
        except InvalidInput:
            continue
        if found == read_lock(LOCK.encode()):
            same.append(i)
    assert same == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "format version None"),
        ("version = 2\n", "it has format version 2, this wpkg reads version 1"),
        ("version = 1\n[[package]\n", "not valid TOML"),
        (LOCK.encode() + "\n", "not as wpkg wrote it"),
        (LOCK.encode().replace("# Written", "# written"), "not as wpkg wrote it"),
        (LOCK.encode().replace("\n", "\r\n"), "not as wpkg wrote it"),
        (LOCK.encode().replace("size = 17", "size = 017"), "not valid TOML"),
        (
            LOCK.encode().replace("size = 17", "size = -17"),
            "package\\[0\\].size: it is not a number of at least 0",
        ),
        (LOCK.encode().replace("size = 17", "extra = 1\nsize = 17"), "package\\[0\\].extra: it is not a key"),
        (LOCK.encode().replace('kind = "component"\n', ""), r"package\[0\].kind: it is missing"),
        (LOCK.encode().replace("oci://", "https://"), "package\\[0\\].source: it is neither an oci://"),
        (LOCK.encode().replace('version = "1.2.3"', 'version = "1.2"'), "'1.2' is not a version"),
        ("<<<<<<< HEAD\n" + LOCK.encode(), "conflict markers"),
        (LOCK.encode() + ">>>>>>> branch\n", "conflict markers"),
    ],
)
def test_other_files_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_lock(text)


def test_conflict_markers_have_a_hint_of_their_own() -> None:
    with pytest.raises(InvalidLockFile) as caught:
        read_lock("<<<<<<< HEAD\n")
    assert "wpkg lock" in (caught.value.hint or "")
