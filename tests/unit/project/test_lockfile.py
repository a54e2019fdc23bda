from __future__ import annotations

import pytest
from msgspec.structs import replace

from wpkg.errors import InvalidInput
from wpkg.names.package_name import PackageName
from wpkg.names.pin import Pin
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository
from wpkg.project.lockfile import InvalidLockFile, LocalPackage, Lock, LockedPackage, read_lock

PACKAGE = LockedPackage(
    name=PackageName.parse("acme:app"),
    version=Version.parse("1.2.3"),
    kind="component",
    source=Repository.parse("ghcr.io/acme/acme/app"),
    tag="1.2.3",
    manifest=Digest.of(b"manifest"),
    component=Digest.of(b"component"),
    size=17,
    dependencies=(Pin.parse("acme:b 2.0.0"), Pin.parse("acme:a 1.2.3")),
    signers=("z=", "a="),
)
OTHER = replace(PACKAGE, name=PackageName.parse("acme:a"), dependencies=(), signers=())
TWO = replace(OTHER, name=PackageName.parse("acme:b"))
TWO_NEW = replace(TWO, version=Version.parse("2.0.0"))
FILE = LocalPackage(OTHER.name, OTHER.version, "component", "../a.wasm", Digest.of(b"a"), 1)
LOCK = Lock((PACKAGE, OTHER, TWO, TWO_NEW))


def test_a_lock_reads_back_and_is_sorted() -> None:
    text = LOCK.encode()
    again = read_lock(text)
    assert again.encode() == text
    assert [str(package.name) for package in again.packages] == ["acme:a", "acme:app", "acme:b", "acme:b"]
    assert Lock((TWO_NEW, OTHER, TWO, PACKAGE)).encode() == text
    assert "\r" not in text


def test_a_dependency_is_named_with_its_version_only_where_that_is_needed() -> None:
    assert 'dependencies = [\n    "acme:a",\n    "acme:b 2.0.0",\n]' in LOCK.encode()
    one = Lock((PACKAGE, OTHER, TWO_NEW))
    assert 'dependencies = [\n    "acme:a",\n    "acme:b",\n]' in one.encode()
    assert read_lock(one.encode()).at(PACKAGE.pin) == replace(
        PACKAGE, dependencies=tuple(sorted(PACKAGE.dependencies)), signers=("a=", "z=")
    )


def test_what_is_on_this_disk_is_pinned_by_path() -> None:
    project = LocalPackage(TWO_NEW.name, TWO_NEW.version, "component", "../b", dependencies=(FILE.pin,))
    lock = Lock((PACKAGE,), (FILE, project))
    assert read_lock(lock.encode()).local == (FILE, project)
    assert 'source = "path:../a.wasm"\ncomponent = ' in lock.encode()
    assert 'source = "path:../b"\ndependencies = [' in lock.encode()


def test_a_requirement_is_met_by_the_highest_locked_version() -> None:
    for text, version in (("*", "2.0.0"), ("1", "1.2.3"), ("3", None)):
        found = LOCK.meeting(TWO.name, Requirement.parse(text))
        assert (str(found.version) if found else None) == version


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
        (LOCK.encode().replace("\n", "\r\n", 3), "not as wpkg wrote it"),
        (LOCK.encode().replace("size = 17", "size = 017"), "not valid TOML"),
        (
            LOCK.encode().replace("size = 17", "size = -17"),
            "package\\[0\\].size: it is not a number of at least 0",
        ),
        (LOCK.encode().replace("size = 17", "extra = 1\nsize = 17"), "package\\[0\\].extra: it is not a key"),
        (LOCK.encode().replace('kind = "component"\n', ""), r"package\[0\].kind: it is missing"),
        (
            LOCK.encode().replace("oci://", "https://"),
            "package\\[0\\].source: it begins with none of 'oci://', 'dir:'",
        ),
        (
            Lock((PACKAGE, OTHER)).encode(),
            r"package\[1\].dependencies: it names 'acme:b', which is not one package",
        ),
        (LOCK.encode().replace("acme:b 2.0.0", "acme:b"), "names 'acme:b', which is not one package of the lock"),
        (LOCK.encode().replace("acme:b 2.0.0", "acme:b 3.0.0"), "names 'acme:b 3.0.0', which is not one package"),
        (Lock((), (FILE,)).encode().replace("size = 1", 'tag = "x"'), r"package\[0\].tag: it is not a key"),
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


def test_a_lock_that_git_gave_other_line_ends_is_the_same_lock() -> None:
    assert read_lock(LOCK.encode().replace("\n", "\r\n")) == read_lock(LOCK.encode())


@pytest.mark.parametrize("text", ["version = 1\n[[package]\n", LOCK.encode() + "\n"])
def test_what_cannot_be_read_is_restored_or_made_anew(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_lock(text)
    assert caught.value.hint == (
        "restore wpkg.lock from version control; 'wpkg lock' after removing it pins everything anew"
    )
