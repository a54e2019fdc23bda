from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch, Digest
from wpkg.registry.cache import Cache
from wpkg.registry.mapping import mapped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = b"component" * 1000
CONTENT = Descriptor.of("application/wasm", DATA)


def test_content_is_found_by_digest_and_verified(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.read(CONTENT.digest) is None
    assert cache.verified_path(CONTENT) is None
    path = cache.fill(CONTENT, lambda sink: sink(memoryview(DATA)))
    assert cache.verified_path(CONTENT) == path
    assert cache.read(CONTENT.digest) == DATA


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: d + b"!", lambda d: b"C" + d[1:], lambda _: b""])
def test_damaged_content_is_thrown_away(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    cache = Cache(tmp_path)
    looks: list[Callable[[], object]] = [lambda: cache.read(CONTENT.digest), lambda: cache.verified_path(CONTENT)]
    for look in looks:
        cache.write(CONTENT.digest, DATA)
        cache.path(CONTENT.digest).write_bytes(damage(DATA))
        assert look() is None
        assert not cache.path(CONTENT.digest).exists()


def test_nothing_is_kept_of_a_download_that_fails(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def breaks(sink: Callable[[memoryview], object]) -> None:
        sink(memoryview(DATA[:100]))
        raise ContentMismatch("cut off")

    with pytest.raises(ContentMismatch):
        cache.fill(CONTENT, breaks)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_other_content_is_not_written_under_a_digest(tmp_path: Path) -> None:
    with pytest.raises(ContentMismatch):
        Cache(tmp_path).write(CONTENT.digest, b"other")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"referrers":["x"]}', '{"referrers":1}'])
def test_a_damaged_list_of_proofs_is_none(tmp_path: Path, text: str) -> None:
    cache = Cache(tmp_path)
    cache.keep_proofs(CONTENT.digest, [Digest.of(b"a")])
    assert cache.proofs(CONTENT.digest) == [Digest.of(b"a")]
    next((tmp_path / "proofs").iterdir()).write_text(text)
    assert cache.proofs(CONTENT.digest) is None


def test_an_empty_file_can_be_mapped(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with mapped(tmp_path / "empty") as data:
        assert bytes(data) == b""
