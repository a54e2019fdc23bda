from __future__ import annotations

import errno
import fcntl
import os
import threading
from typing import TYPE_CHECKING

import pytest

from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch, Digest, check_content
from wpkg.oci.reference import Repository
from wpkg.registry.cache import Cache, CacheUnusable
from wpkg.registry.cache_entries import read_contents, remove
from wpkg.registry.mapping import mapped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = b"component" * 1000
CONTENT = Descriptor.of("application/wasm", DATA)
SOMEWHERE = Repository("ghcr.io", "acme/app")


def send(sink: Callable[[memoryview], object]) -> None:
    """A download that goes well."""
    sink(memoryview(DATA)[:100])
    sink(memoryview(DATA)[100:])


def never(sink: Callable[[memoryview], object]) -> None:
    """A download that nobody may ask for."""
    pytest.fail("it was downloaded")


def files(root: Path) -> list[str]:
    """Everything but the two files that every cache has."""
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if str(path) not in ("access", "CACHEDIR.TAG"))


def test_content_is_found_by_digest_and_verified(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.read(CONTENT.digest) is None
    assert cache.verified_path(CONTENT) is None
    path = cache.fill(CONTENT, send)
    assert cache.verified_path(CONTENT) == path
    assert cache.read(CONTENT.digest) == DATA
    assert files(tmp_path) == [f"blobs/sha256/{CONTENT.digest.encoded}"]


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: d + b"!", lambda d: b"C" + d[1:], lambda _: b""])
def test_damaged_content_is_not_used_is_said_and_is_replaced(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    said: list[str] = []
    cache = Cache(tmp_path, said.append)
    looks: list[Callable[[], object]] = [lambda: cache.read(CONTENT.digest), lambda: cache.verified_path(CONTENT)]
    for look in looks:
        cache.write(CONTENT.digest, DATA)
        cache.path(CONTENT.digest).write_bytes(damage(DATA))
        assert cache.is_damaged(CONTENT.digest)
        assert look() is None
        assert said.pop() == f"the cached copy of {CONTENT.digest.short} is damaged and is not used"
        cache.fill(CONTENT, send)
        assert look() is not None
    assert said == []


def test_a_descriptor_that_lies_about_the_size_does_not_make_content_damaged(tmp_path: Path) -> None:
    said: list[str] = []
    cache = Cache(tmp_path, said.append)
    cache.write(CONTENT.digest, DATA)
    with pytest.raises(ContentMismatch, match="has 9000 bytes, its descriptor says 8999"):
        cache.verified_path(Descriptor("application/wasm", CONTENT.digest, len(DATA) - 1))
    assert said == []
    assert cache.read(CONTENT.digest) == DATA


def test_nothing_is_kept_of_a_download_that_fails(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def breaks(sink: Callable[[memoryview], object]) -> None:
        sink(memoryview(DATA[:100]))
        raise ContentMismatch("cut off")

    with pytest.raises(ContentMismatch):
        cache.fill(CONTENT, breaks)
    assert files(tmp_path) == []


def test_other_content_is_not_written_under_a_digest(tmp_path: Path) -> None:
    with pytest.raises(ContentMismatch):
        Cache(tmp_path).write(CONTENT.digest, b"other")


def test_what_a_process_left_that_died_is_written_anew(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    partial = tmp_path / "partial" / f"sha256-{CONTENT.digest.encoded}"
    partial.parent.mkdir()
    partial.write_bytes(b"x" * 2 * len(DATA))
    assert not cache.has(CONTENT.digest)
    assert [path.name for path in read_contents(cache).leftovers] == [partial.name]
    assert cache.fill(CONTENT, send).read_bytes() == DATA
    assert read_contents(cache).leftovers == ()


def test_of_two_that_want_the_same_one_works_and_the_other_waits(tmp_path: Path) -> None:
    started, go_on, waited = threading.Event(), threading.Event(), threading.Event()

    def slow(sink: Callable[[memoryview], object]) -> None:
        started.set()
        go_on.wait(10)
        send(sink)

    worker = threading.Thread(target=Cache(tmp_path).fill, args=(CONTENT, slow))
    worker.start()
    assert started.wait(10)

    def waiting() -> None:
        waited.set()
        go_on.set()

    assert Cache(tmp_path).fill(CONTENT, never, waiting).read_bytes() == DATA
    assert waited.is_set()
    worker.join()
    assert files(tmp_path) == [f"blobs/sha256/{CONTENT.digest.encoded}"]


def test_whoever_waits_can_give_up(tmp_path: Path) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(sink: Callable[[memoryview], object]) -> None:
        started.set()
        go_on.wait(10)
        send(sink)

    worker = threading.Thread(target=Cache(tmp_path).fill, args=(CONTENT, slow))
    worker.start()
    assert started.wait(10)

    def give_up() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Cache(tmp_path).fill(CONTENT, never, give_up)
    go_on.set()
    worker.join()
    assert Cache(tmp_path).read(CONTENT.digest) == DATA


def test_when_the_one_that_works_fails_the_next_takes_over(tmp_path: Path) -> None:
    started, go_on = threading.Event(), threading.Event()
    failures: list[ContentMismatch] = []

    def fails() -> None:
        def breaks(sink: Callable[[memoryview], object]) -> None:
            sink(memoryview(b"x" * 20000))
            started.set()
            go_on.wait(10)
            raise ContentMismatch("cut off")

        try:
            Cache(tmp_path).fill(CONTENT, breaks)
        except ContentMismatch as error:
            failures.append(error)

    worker = threading.Thread(target=fails)
    worker.start()
    assert started.wait(10)
    assert Cache(tmp_path).fill(CONTENT, send, go_on.set).read_bytes() == DATA
    worker.join()
    assert len(failures) == 1
    assert files(tmp_path) == [f"blobs/sha256/{CONTENT.digest.encoded}"]


def test_a_file_system_without_locks_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuses)
    cache = Cache(tmp_path)

    def twice(sink: Callable[[memoryview], object]) -> None:
        sink(memoryview(DATA)[:100])
        Cache(tmp_path).fill(CONTENT, send)
        sink(memoryview(DATA)[100:])

    assert cache.fill(CONTENT, twice).read_bytes() == DATA
    assert files(tmp_path) == [f"blobs/sha256/{CONTENT.digest.encoded}"]


def test_what_is_used_is_not_thrown_away(tmp_path: Path) -> None:
    user, cleaner = Cache(tmp_path), Cache(tmp_path)
    user.write(CONTENT.digest, DATA)
    path = user.verified_path(CONTENT)
    assert path is not None
    cleaner.read(CONTENT.digest)

    def give_up() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), cleaner.exclusive_access(give_up):
        pytest.fail("it is in use")
    assert path.read_bytes() == DATA
    del user
    with cleaner.exclusive_access(give_up):
        remove(cleaner, [CONTENT.digest])
    assert files(tmp_path) == []
    cleaner.write(CONTENT.digest, DATA)
    assert cleaner.read(CONTENT.digest) == DATA


def test_contents_say_size_and_last_use(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for data in (DATA, b"a", b""):
        cache.write(Digest.of(data), data)
        os.utime(cache.path(Digest.of(data)), (1000, 500))
    cache.read(Digest.of(b"a"))
    cache.verified_path(CONTENT)
    found = {entry.digest: entry for entry in read_contents(cache).entries}
    assert {digest: entry.size for digest, entry in found.items()} == {
        CONTENT.digest: len(DATA),
        Digest.of(b"a"): 1,
        Digest.of(b""): 0,
    }
    assert found[Digest.of(b"")].used == 1000
    assert found[Digest.of(b"a")].used > 1_700_000_000 < found[CONTENT.digest].used
    assert cache.path(CONTENT.digest).stat().st_mtime == 500
    cache.peek(Digest.of(b""))
    assert {e.digest: e.used for e in read_contents(cache).entries}[Digest.of(b"")] == 1000


def test_what_is_no_content_by_its_name_is_left_over(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.write(CONTENT.digest, DATA)
    cache.keep_proofs(CONTENT.digest, [], SOMEWHERE)
    cache.keep_proofs(Digest.of(b"not there"), [], SOMEWHERE)
    for name in ("blobs/README", "blobs/sha256/.x", f"blobs/md5/{'0' * 32}", "partial/x", "proofs/.y", "proofs/z"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = read_contents(cache)
    assert [entry.digest for entry in found.entries] == [CONTENT.digest]
    assert len(found.leftovers) == 7
    with cache.exclusive_access(lambda: None):
        remove(cache, [], found.leftovers)
    assert files(tmp_path) == [
        f"blobs/sha256/{CONTENT.digest.encoded}",
        f"proofs/sha256-{CONTENT.digest.encoded}.json",
    ]


def test_an_empty_cache_has_no_contents(tmp_path: Path) -> None:
    found = read_contents(Cache(tmp_path / "nothing"))
    assert (found.entries, found.leftovers, found.size) == ((), (), 0)


def test_a_cache_that_cannot_be_one_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = Cache(tmp_path / "file")
    for use in (
        lambda: cache.read(CONTENT.digest),
        lambda: cache.has(CONTENT.digest),
        lambda: cache.write(CONTENT.digest, DATA),
        lambda: cache.fill(CONTENT, send),
        lambda: cache.verified_path(CONTENT),
        lambda: cache.proofs(CONTENT.digest),
        lambda: cache.repositories(CONTENT.digest),
        cache.proven,
        lambda: read_contents(cache),
    ):
        with pytest.raises(CacheUnusable, match="the cache cannot be used: .*not a directory") as caught:
            use()
        assert "WPKG_CACHE_DIR" in (caught.value.hint or "")


def test_programs_that_make_backups_leave_the_cache_out(tmp_path: Path) -> None:
    Cache(tmp_path).write(CONTENT.digest, DATA)
    assert (tmp_path / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"referrers":["x"]}', '{"referrers":1}'])
def test_a_damaged_list_of_proofs_is_none(tmp_path: Path, text: str) -> None:
    cache = Cache(tmp_path)
    cache.keep_proofs(CONTENT.digest, [Digest.of(b"a")], SOMEWHERE)
    assert cache.proofs(CONTENT.digest) == [Digest.of(b"a")]
    next((tmp_path / "proofs").iterdir()).write_text(text)
    assert cache.proofs(CONTENT.digest) is None
    assert cache.repositories(CONTENT.digest) == []


def test_where_something_was_seen_is_remembered_with_its_proofs(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert (cache.proven(), cache.repositories(CONTENT.digest)) == ([], [])
    elsewhere = Repository("a.example", "b/c")
    for repository, referrers in ((SOMEWHERE, [Digest.of(b"a")]), (elsewhere, []), (SOMEWHERE, [])):
        cache.keep_proofs(CONTENT.digest, referrers, repository)
    cache.keep_proofs(Digest.of(b"other"), [], elsewhere)
    (tmp_path / "proofs" / "README.json").write_text("{}")
    assert cache.repositories(CONTENT.digest) == [elsewhere, SOMEWHERE]
    assert cache.proofs(CONTENT.digest) == []
    assert sorted(cache.proven()) == sorted([CONTENT.digest, Digest.of(b"other")])
    cache.proofs_path(CONTENT.digest).write_text('{"referrers":[]}')  # as earlier versions wrote it
    assert (cache.proofs(CONTENT.digest), cache.repositories(CONTENT.digest)) == ([], [])


def test_an_empty_file_can_be_mapped(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with mapped(tmp_path / "empty") as data:
        assert bytes(data) == b""


def test_what_fails_while_a_file_is_mapped_is_what_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(1_000_000))
    with pytest.raises(ContentMismatch), mapped(tmp_path / "file") as data:
        check_content(data, Digest.of(b"something else"), None, "the file")
