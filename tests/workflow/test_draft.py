"""What is begun before it is decided ends as what was decided."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.components import from_wit
from tests.fakes.world import fake_world
from wpkg.compose.pieces import Slice
from wpkg.errors import InvalidInput
from wpkg.oci.digest import Digest
from wpkg.registry.disk import CannotWrite, replacing
from wpkg.workflow.compose import lay_out, write_composition
from wpkg.workflow.compose_files import ComposeFiles, compose_files
from wpkg.workflow.draft import Draft
from wpkg.workflow.sources import ComponentFile, Sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from wpkg.compose.pieces import Piece

LONG = 256 * 12_000  # bytes: several chunks
CONTENT = {"a": bytes(range(256)) * (LONG // 256), "b": b"b" * 1000, "c": b"c" * 2_000_000}

pieces = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from([Slice(name, 0, len(data)) for name, data in CONTENT.items()]),
        st.just(Slice("a", 300, 2_500_000)),
    ),
    max_size=6,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[ComponentFile]:
    folder = tmp_path_factory.mktemp("draft")
    for name, data in CONTENT.items():
        (folder / name).write_bytes(data)
    return [ComponentFile(name, folder / name) for name in CONTENT]


def joined(decided: Sequence[Piece]) -> bytes:
    return b"".join(CONTENT[p.node][p.start : p.end] if isinstance(p, Slice) else p for p in decided)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces, pieces, st.integers(0, 6))
def test_a_draft_ends_as_what_was_decided(
    files: list[ComponentFile], tmp_path: Path, probable: list[Piece], other: list[Piece], right: int
) -> None:
    decided = [*probable[:right], *other]
    output = tmp_path / "out"
    with Sources(files) as sources, replacing(output) as file, Draft(sources, file, probable) as draft:
        digest = draft.finish(decided)
    assert output.read_bytes() == joined(decided)
    assert digest == Digest.of(joined(decided))


def test_where_the_kernel_cannot_copy_a_buffer_does(
    files: list[ComponentFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range")
    monkeypatch.delattr(os, "posix_fallocate")
    decided: list[Piece] = [b"x", Slice("a", 5, LONG), b"y"]
    with (
        Sources(files) as sources,
        replacing(tmp_path / "out") as file,
        Draft(sources, file, decided[:2]) as draft,
    ):
        draft.finish(decided)
    assert (tmp_path / "out").read_bytes() == joined(decided)


class LongSources:
    """Sources whose components seem to be very long; how much of them is taken is counted."""

    CHUNKS = 5_000_000

    def __init__(self) -> None:
        self.taken = 0

    def __getitem__(self, _: str) -> LongSources:
        return self

    def chunks(self, *_: int) -> Iterator[bytes]:
        while self.taken < self.CHUNKS:
            self.taken += 1
            yield b"x"


def test_a_draft_that_is_given_up_stops_in_the_middle(files: list[ComponentFile], tmp_path: Path) -> None:
    long = LongSources()
    with (
        pytest.raises(InvalidInput, match="not like this"),
        Draft(cast("Sources", long), None, [Slice("a", 0, 1)] * 3),
    ):
        raise InvalidInput("not like this")
    assert long.taken < long.CHUNKS
    with (
        pytest.raises(InvalidInput, match="not like this"),
        Sources(files) as sources,
        replacing(tmp_path / "out") as file,
        Draft(sources, file, [Slice("a", 0, LONG)]),
    ):
        raise InvalidInput("not like this")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said(files: list[ComponentFile]) -> None:
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.fail("this test needs /dev/full")
    with (
        Sources(files) as sources,
        open("/dev/full", "wb", buffering=0) as file,  # noqa: PTH123
        Draft(sources, file, [Slice("a", 0, LONG)]) as draft,
        pytest.raises(OSError, match="No space left"),
    ):
        draft.finish([Slice("a", 0, LONG)])


def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    command = composable(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotWrite, match=r"cannot write .*/file/out\.wasm: "):
        compose_files(fake_world(tmp_path).reporter, command, tmp_path / "file" / "out.wasm")


def composable(folder: Path, *more: str) -> ComposeFiles:
    texts = {
        "root": "import f: func(); export run: func();",
        "dep": "export f: func();",
        "idle": "export g: func();",
    }
    for name, text in texts.items():
        (folder / f"{name}.wasm").write_bytes(from_wit(text))
    return ComposeFiles.parse(str(folder / "root.wasm"), [str(folder / f"{name}.wasm") for name in ("dep", *more)])


@pytest.mark.parametrize("more", [(), ("idle",)], ids=["as guessed", "one is not used"])
def test_a_composition_begun_early_is_the_same_as_one_that_is_not(tmp_path: Path, more: tuple[str, ...]) -> None:
    command = composable(tmp_path, *more)
    early = compose_files(fake_world(tmp_path).reporter, command, tmp_path / "early.wasm")
    with Sources(command.files) as sources:
        late = write_composition(lay_out(sources, command.wiring), sources, tmp_path / "late.wasm")
    assert (tmp_path / "early.wasm").read_bytes() == (tmp_path / "late.wasm").read_bytes()
    written = hashlib.sha256((tmp_path / "early.wasm").read_bytes()).hexdigest()
    assert early.digest == late.digest == Digest("sha256", written)


def test_only_digests_that_matter_are_computed(tmp_path: Path) -> None:
    for name, data in (("one", b"1"), ("two", b"22"), ("also two", b"33"), ("known", b"4444")):
        (tmp_path / name).write_bytes(data)
    given_digest = Digest.of(b"4444")
    listed = [ComponentFile(name, tmp_path / name) for name in ("one", "two", "also two")]
    listed.append(ComponentFile("known", tmp_path / "known", given_digest))
    with Sources(listed, all_digests=False) as sources:
        found = {source.file.name: source.digest for source in sources}
    assert found == {"one": None, "two": Digest.of(b"22"), "also two": Digest.of(b"33"), "known": given_digest}
