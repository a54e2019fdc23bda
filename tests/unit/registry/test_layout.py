"""Folders that are repositories: what others wrote, what is damaged, and several writers at once."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wpkg.errors import WpkgError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES, IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest
from wpkg.oci.reference import Repository
from wpkg.registry.disk import CannotWrite
from wpkg.registry.errors import NotFound
from wpkg.registry.layout import TAG, DamagedLayout, LayoutRegistry

CONFIG = Descriptor.of(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)
HERE = Repository.parse("dir:./a/b")


def manifest(name: str) -> bytes:
    return Manifest(CONFIG, (CONFIG,), annotations={"name": name}).encode()


@pytest.fixture
def registry(tmp_path: Path) -> LayoutRegistry:
    registry = LayoutRegistry(tmp_path)
    registry.push_blob(HERE, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES))
    registry.push_manifest(HERE, manifest("one"), IMAGE_MANIFEST, "1")
    return registry


def index(tmp_path: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((tmp_path / "a/b/index.json").read_bytes())
    return content


def test_it_is_the_layout_of_the_specification(registry: LayoutRegistry, tmp_path: Path) -> None:
    folder = tmp_path / "a/b"
    assert json.loads((folder / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    one = Descriptor.of(IMAGE_MANIFEST, manifest("one"), {TAG: "1"})
    assert index(tmp_path) == {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": [one.to_json()]}
    assert sorted(p.name for p in folder.iterdir()) == ["blobs", "index.json", "oci-layout"]
    assert {p.name for p in (folder / "blobs/sha256").iterdir()} == {one.digest.encoded, CONFIG.digest.encoded}


def test_lines_of_others_stay_as_they_are(registry: LayoutRegistry, tmp_path: Path) -> None:
    content = index(tmp_path)
    lines = content["manifests"]
    assert isinstance(lines, list)
    lines[0]["platform"] = {"os": "wasip2"}
    lines[0]["annotations"]["org.example"] = "kept"
    content["annotations"] = {"of": "the index"}
    (tmp_path / "a/b/index.json").write_text(json.dumps(content, indent=2))
    registry.push_manifest(HERE, manifest("two"), IMAGE_MANIFEST, "1")
    written = index(tmp_path)["manifests"]
    assert isinstance(written, list)
    old, new = written
    assert (old["platform"], old["annotations"]) == ({"os": "wasip2"}, {"org.example": "kept"})
    assert new["annotations"] == {TAG: "1"}
    assert index(tmp_path)["annotations"] == {"of": "the index"}


def test_the_same_push_changes_nothing(registry: LayoutRegistry, tmp_path: Path) -> None:
    before = (tmp_path / "a/b/index.json").read_bytes()
    registry.push_manifest(HERE, manifest("one"), IMAGE_MANIFEST, "1")
    registry.push_manifest(HERE, manifest("one"), IMAGE_MANIFEST)
    assert (tmp_path / "a/b/index.json").read_bytes() == before


def test_a_manifest_below_an_index_is_found_by_its_digest(registry: LayoutRegistry, tmp_path: Path) -> None:
    one = Descriptor.of(IMAGE_MANIFEST, manifest("one"))
    registry.push_manifest(HERE, Index((one,)).encode(), IMAGE_INDEX, "2")
    content = index(tmp_path)
    content["manifests"] = [line for line in content["manifests"] if line["mediaType"] == IMAGE_INDEX]  # type: ignore[attr-defined]
    (tmp_path / "a/b/index.json").write_text(json.dumps(content))
    assert registry.fetch_manifest(HERE.at(digest=one.digest)).descriptor == one


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"manifests": 1}',
        '{"manifests": [1]}',
        '{"manifests": [{"mediaType": "x", "digest": "sha256:../../x", "size": 1}]}',
    ],
)
def test_a_damaged_index_is_an_error_and_not_overwritten(
    registry: LayoutRegistry, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "a/b/index.json"
    file.write_text(content)
    for action in (
        lambda: registry.list_tags(HERE),
        lambda: registry.resolve(HERE.at(tag="1")),
        lambda: registry.list_referrers(HERE, CONFIG.digest),
        lambda: registry.push_manifest(HERE, manifest("two"), IMAGE_MANIFEST, "2"),
    ):
        with pytest.raises(DamagedLayout):
            action()
    assert file.read_text() == content


def test_damaged_content_is_not_served_and_is_repaired_by_a_push(registry: LayoutRegistry, tmp_path: Path) -> None:
    path = tmp_path / "a/b/blobs/sha256" / CONFIG.digest.encoded
    path.write_bytes(b"[]")
    with pytest.raises(ContentMismatch):
        registry.fetch_blob(HERE, CONFIG)
    assert registry.push_blob(HERE, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES)) is True
    assert registry.fetch_blob(HERE, CONFIG) == EMPTY_CONFIG_BYTES


def test_a_manifest_that_is_gone_is_damage_where_referrers_are_looked_for(
    registry: LayoutRegistry, tmp_path: Path
) -> None:
    (tmp_path / "a/b/blobs/sha256" / Descriptor.of("", manifest("one")).digest.encoded).unlink()
    with pytest.raises(DamagedLayout, match="which is not there"):
        registry.list_referrers(HERE, CONFIG.digest)


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop"])
def test_what_is_no_file_is_not_read(registry: LayoutRegistry, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a/b/blobs/sha256" / CONFIG.digest.encoded
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    with pytest.raises(DamagedLayout):
        registry.fetch_blob(HERE, CONFIG)


def test_wrong_content_leaves_nothing(registry: LayoutRegistry, tmp_path: Path) -> None:
    before = sorted((tmp_path / "a/b/blobs/sha256").iterdir())
    for wrong in (b"", b"other", b"too long"):
        with pytest.raises(ContentMismatch):
            registry.push_blob(HERE, Descriptor.of("x/y", b"right"), lambda wrong=wrong: io.BytesIO(wrong))  # type: ignore[misc]
    assert sorted((tmp_path / "a/b/blobs/sha256").iterdir()) == before


def test_where_nothing_is_nothing_is_made_by_looking(tmp_path: Path) -> None:
    registry = LayoutRegistry(tmp_path)
    with pytest.raises(NotFound):
        registry.list_tags(HERE)
    assert registry.resolve(HERE.at(tag="1")) is None
    assert registry.list_referrers(HERE, CONFIG.digest) == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    for path in ("dir:a", "dir:a/b"):
        with pytest.raises((CannotWrite, WpkgError)):
            LayoutRegistry(tmp_path).push_manifest(Repository.parse(path), manifest("one"), IMAGE_MANIFEST, "1")


WRITE = """
import io, sys
from pathlib import Path
from tests.unit.registry.test_layout import CONFIG, HERE, manifest
from wpkg.registry.layout import LayoutRegistry
registry = LayoutRegistry(Path(sys.argv[1]))
for i in range(20):
    registry.push_blob(HERE, CONFIG, lambda: io.BytesIO(b"{}"))
    registry.push_manifest(HERE, manifest(f"{sys.argv[2]}-{i}"), "application/vnd.oci.image.manifest.v1+json", f"{sys.argv[2]}-{i}")
"""


def test_several_processes_lose_nothing(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path), str(n)], cwd=Path(__file__).parents[3])
        for n in range(4)
    ]
    for process in running:
        assert process.wait(timeout=100) == 0
    registry = LayoutRegistry(tmp_path)
    assert registry.list_tags(HERE) == sorted(f"{n}-{i}" for n in range(4) for i in range(20))
