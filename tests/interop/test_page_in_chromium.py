"""The page in a browser that runs no scripts: it is drawn, light and dark, wide and narrow, and fits."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import peer, publish
from tests.shim.wire import SocketClient, push_manifest
from tests.shim_process import running_shim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("chromium")]

WIDE, NARROW = (1000, 700), (390, 2400)
LIGHT, DARK = (0xFF, 0xFF, 0xFF), (0x14, 0x17, 0x1C)  # --ground in style.css


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page")
    with running_shim(folder / "root") as address:
        published = publish(folder, address)
        prefix = str(published.pushed.repository).removesuffix("/pay/validator")
        yield f"http://{address} {prefix.partition('/')[2]}"


class Browser:
    """Chromium without JavaScript."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "profile/Default").mkdir(parents=True)
        blocked = {"profile": {"default_content_setting_values": {"javascript": 2}}}
        (folder / "profile/Default/Preferences").write_text(json.dumps(blocked))

    def run(self, url: str, *options: str) -> str:
        """What it prints."""
        done = subprocess.run(
            [
                peer("chromium"),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--hide-scrollbars",
                f"--user-data-dir={self._folder}/profile",
                *options,
                url,
            ],
            capture_output=True,
            timeout=120,
            check=False,
        )
        return done.stdout.decode()

    def draw(self, url: str, size: tuple[int, int], *, dark: bool = False) -> list[bytes]:
        """The rows of a picture of the page, three bytes a pixel."""
        file = self._folder / "page.png"
        file.unlink(missing_ok=True)
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        self.run(url, f"--screenshot={file}", f"--window-size={size[0]},{size[1]}", scheme)
        return read_png(file.read_bytes(), size)


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


def read_png(data: bytes, size: tuple[int, int]) -> list[bytes]:
    """The rows of a PNG of 8-bit colours (PNG 1.2, sections 6 and 9)."""
    position, parts = 8, []
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        body = data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            *dimensions, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (tuple(dimensions), depth, colour in (2, 6)) == (size, 8, True)
        if kind == b"IDAT":
            parts.append(body)
        position += length + 12
    channels = 3 if colour == 2 else 4
    stride = size[0] * channels
    raw = zlib.decompress(b"".join(parts))
    rows: list[bytes] = []
    above = bytes(stride)
    for start in range(0, len(raw), stride + 1):
        above = unfilter(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above, channels)
        rows.append(above if channels == 3 else b"".join(above[i : i + 3] for i in range(0, stride, 4)))
    return rows


def unfilter(kind: int, row: bytearray, above: bytes, channels: int) -> bytes:
    for i in range(len(row)):
        left = row[i - channels] if i >= channels else 0
        up, corner = above[i], above[i - channels] if i >= channels else 0
        match kind:
            case 1:
                add = left
            case 2:
                add = up
            case 3:
                add = (left + up) // 2
            case 4:
                add = min((left, up, corner), key=lambda near: abs(left + up - corner - near))
            case _:
                add = 0
        row[i] = (row[i] + add) & 0xFF
    return bytes(row)


def colours(row: bytes) -> set[tuple[int, ...]]:
    return {tuple(row[i : i + 3]) for i in range(0, len(row), 3)}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize(
    "path", ["/", "/repositories/{prefix}/pay/validator:0.1.0", "/search?exports=pay:platform"]
)
def test_is_drawn(site: str, browser: Browser, path: str, size: tuple[int, int], dark: bool) -> None:  # noqa: FBT001
    address, prefix = site.split(" ")
    rows = browser.draw(address + path.format(prefix=prefix), size, dark=dark)
    ground = DARK if dark else LIGHT
    assert {tuple(row[:3]) for row in rows} == {ground}  # the left margin, from top to bottom
    assert {tuple(row[-3:]) for row in rows} == {ground}  # nothing reaches over the right edge
    drawn = [row for row in rows if colours(row) != {ground}]
    assert len(drawn) > 100
    seen = set().union(*map(colours, drawn))
    assert len(seen) > 20  # letters have soft edges


LONG = (
    "a-repository-with-a-name/that-is-longer-than-any-table-is-wide/" + "for-one-reason-or-another-" * 3 + "it-is"
)
LONG_TAG = "v" + "1" * 120


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[str]:
    """Names as long as they may be beside short ones, and annotations that would be HTML."""
    with running_shim(tmp_path / "root") as address:
        client = SocketClient(f"http://{address}", str(tmp_path))
        told = {"title": "<script>alert(1)</script>", "description": "<img src=x> " + "x" * 500}
        push_manifest(
            client, LONG, LONG_TAG, annotations={f"org.opencontainers.image.{k}": v for k, v in told.items()}
        )
        for number in range(12):
            push_manifest(client, f"short/{number}", "v1")
        client.close()
        yield f"http://{address}"


def test_one_long_name_does_not_push_the_rest_out_of_sight(crowded: str, browser: Browser) -> None:
    rows = browser.draw(crowded, WIDE)
    # The last column of the table, below the first repository: "1 tag" for each, in letters with soft edges.
    last = [row[3 * 880 : 3 * 984] for row in rows[360:]]
    letters = [row for row in last if len(colours(row)) > 4]
    assert len(letters) > 40


@pytest.mark.parametrize("path", ["/", f"/repositories/{LONG}", f"/repositories/{LONG}:{LONG_TAG}"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_long_names_stay_within_the_page(crowded: str, browser: Browser, path: str, size: tuple[int, int]) -> None:
    rows = browser.draw(crowded + path, size)
    assert {tuple(row[:3]) for row in rows} == {LIGHT}
    assert {tuple(row[-3:]) for row in rows} == {LIGHT}


def test_what_would_be_html_is_text(crowded: str, browser: Browser) -> None:
    document = browser.run(f"{crowded}/repositories/{LONG}:{LONG_TAG}", "--dump-dom")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in document
    assert "&lt;img src=x&gt;" in document
    assert "<script" not in document
    assert "<img" not in document


def test_says_everything_without_scripts(site: str, browser: Browser) -> None:
    address, prefix = site.split(" ")
    url = f"{address}/repositories/{prefix}/pay/validator:0.1.0"
    document = browser.run(url, "--dump-dom")
    text = re.sub(r"<[^>]+>", "", document)
    for said in ("pay:validator 0.1.0", "wpkg add pay:validator@0.1.0", "export run: func(message: string);"):
        assert said in text
    assert "Provenance" in text
    blocked = browser.run("data:text/html,<p>still<script>document.write('it ran')</script>", "--dump-dom")
    assert "<p>still" in blocked
    assert "it ran</p>" not in blocked.replace("document.write('it ran')", "")
