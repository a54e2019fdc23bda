"""`wpkg fetch` and `wpkg cache` as a person or a program meets them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.cli.test_transcripts import Terminal, registry, terminal
from tests.packages import project_that_pins, publish_packages
from wpkg.cli.session import cache_folder
from wpkg.errors import InvalidInput
from wpkg.names.amount import age_text, read_age, read_size, size_text
from wpkg.registry.client import RegistryClient

__all__ = ["registry", "terminal"]  # fixtures


@pytest.fixture
def project(terminal: Terminal) -> Path:
    """Three packages of 500 kB, pinned."""
    pins = publish_packages(RegistryClient(), terminal.registry, 3, 500_000, "some")
    return project_that_pins(terminal.folder / "app", terminal.registry, pins)


@pytest.mark.usefixtures("project")
def test_fetch_says_what_it_does(terminal: Terminal) -> None:
    planned = terminal.type("fetch", "-C", "app", "--dry-run")
    assert (planned.code, planned.err) == (0, "")
    assert planned.out.splitlines() == [f"would fetch some:p00{i} 1.0.0 (500.0 kB)" for i in range(3)]
    done = terminal.type("fetch", "-C", "app")
    assert (done.code, done.out) == (0, "3 packages in the cache, 3 of them fetched (1.5 MB)\n")
    assert sorted(done.err.splitlines()) == [f"    Fetching some:p00{i} 1.0.0 (500.0 kB)" for i in range(3)]
    again = terminal.type("fetch", "-C", "app", "--frozen")
    assert (again.code, again.out, again.err) == (0, "3 packages in the cache, nothing to fetch\n", "")
    assert terminal.type("fetch", "-C", "app", "--dry-run").out == "nothing to fetch\n"


@pytest.mark.usefixtures("project")
def test_fetch_for_programs(terminal: Terminal) -> None:
    planned = terminal.type("fetch", "-C", "app", "--dry-run", "--json").document
    assert planned["schema"] == "wpkg.fetch.plan/1"
    assert [package["name"] for package in planned["missing"]] == ["some:p000", "some:p001", "some:p002"]
    fetched = terminal.type("fetch", "-C", "app", "--json", "-q")
    assert fetched.err == ""
    document = fetched.document
    assert (document["schema"], document["changes"]) == ("wpkg.fetch/1", [])
    assert [package["fetched"] for package in document["packages"]] == [True] * 3
    assert {key: planned["missing"][0][key] for key in planned["missing"][0]}.items() <= document["packages"][
        0
    ].items()
    for package in document["packages"]:
        assert Path(package["path"]).stat().st_size == package["size"] == 500_000


def test_fetch_with_bad_input(terminal: Terminal, project: Path) -> None:
    assert terminal.type("fetch").err.startswith("error: there is no wasmcloud.toml in .")
    (project / "wpkg.lock").unlink()
    for option in ("--locked", "--frozen"):
        outcome = terminal.type("fetch", "-C", "app", option)
        assert outcome.code == 7
        assert outcome.err.startswith("error: wpkg.lock is out of date: there is no lock file\nhint: ")
    assert not (project / "wpkg.lock").exists()


@pytest.mark.usefixtures("project")
def test_offline_without_the_content(terminal: Terminal) -> None:
    outcome = terminal.type("fetch", "-C", "app", "--offline")
    assert outcome.code == 6
    assert outcome.err.startswith("error: some:p000 1.0.0: manifest ")
    assert outcome.err.endswith("forbids to ask the registry\nhint: run the command once without --offline\n")
    assert outcome.out == ""


def test_the_environment_can_forbid_the_network(
    terminal: Terminal,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WPKG_OFFLINE", "1")
    assert terminal.type("fetch", "-C", "app").code == 6
    monkeypatch.setenv("WPKG_OFFLINE", "0")
    assert terminal.type("fetch", "-C", "app").code == 0


@pytest.mark.usefixtures("project")
def test_the_cache_is_shown_checked_and_emptied(terminal: Terminal) -> None:
    folder = str(terminal.folder / "cache" / "wpkg")
    assert terminal.type("cache", "dir").out == f"{folder}\n"
    assert terminal.type("cache", "list").out == f"0 components and 0 other files, 0 bytes in {folder}\n"
    terminal.type("fetch", "-C", "app")
    listed = terminal.type("cache", "list").out.splitlines()
    assert re.fullmatch(r"some:p000 1\.0\.0    500\.0 kB  sha256:\w{12}  used less than a minute ago", listed[0])
    assert listed[3].startswith("3 components and 6 other files, 1.5 MB in ")
    assert terminal.type("cache", "verify").out == "9 files, all good\n"
    assert terminal.type("cache", "prune", "--dry-run", "--all").out.startswith(
        "would remove 9 files, 1.5 MB\n0 files"
    )
    assert terminal.type("cache", "prune").out.startswith("removed 0 files, 0 bytes\n9 files, 1.5 MB left")
    pruned = terminal.type("cache", "prune", "--max-size", "1.2MB", "--json").document
    assert pruned["schema"] == "wpkg.cache.prune/1"
    assert pruned["size"] <= 1_200_000
    assert pruned["freed"] == sum(entry["size"] for entry in pruned["removed"])
    assert terminal.type("cache", "prune", "--older-than", "0s").out.endswith("\n0 files, 0 bytes left\n")
    assert terminal.type("cache", "list", "--json").document["contents"] == []


@pytest.mark.usefixtures("project")
def test_a_damaged_cache_is_said_and_mended(terminal: Terminal) -> None:
    terminal.type("fetch", "-C", "app")
    document = terminal.type("cache", "list", "--json").document
    component = next(entry for entry in document["contents"] if entry["role"] == "component")
    assert time.time() - 60 < component["used"] <= time.time()
    path = terminal.folder / "cache" / "wpkg" / "blobs" / component["digest"].replace(":", "/")
    path.write_bytes(b"damaged")
    outcome = terminal.type("cache", "verify")
    assert outcome.code == 1
    assert "error: 1 of 9 files in the cache was damaged and has been removed: sha256:" in outcome.err
    path.write_bytes(b"damaged")
    error = terminal.type("cache", "verify", "--json").document["error"]
    assert (error["code"], error["damaged"]) == ("damaged-cache", [component["digest"]])
    path.write_bytes(b"damaged")
    fetched = terminal.type("fetch", "-C", "app")
    assert (fetched.code, fetched.out) == (0, "3 packages in the cache, 1 of them fetched (500.0 kB)\n")
    short = component["digest"][:19]
    assert fetched.err.splitlines()[0] == f"warning: the cached copy of {short} is damaged and is not used"
    assert terminal.type("cache", "verify").code == 0


BAD = [
    (
        ["prune", "--older-than", "soon"],
        "error: 'soon' is not a length of time",
        "hint: write it as 12h, 30d or 8w",
    ),
    (["prune", "--older-than", "3"], "error: '3' is not a length of time", "hint: write it as"),
    (["prune", "--max-size", "big"], "error: 'big' is not a size", "hint: write it as 500MB, 2GB or 1.5GiB"),
    (
        ["prune", "--all", "--max-size", "1GB"],
        "error: --all leaves nothing for --older-than or --max-size",
        "hint: ",
    ),
    (["clear"], "error: no such command 'clear'", "hint: wpkg cache --help"),
]


@pytest.mark.parametrize(("arguments", "error", "hint"), BAD, ids=[" ".join(case[0]) for case in BAD])
def test_bad_input(terminal: Terminal, arguments: list[str], error: str, hint: str) -> None:
    outcome = terminal.type("cache", *arguments)
    assert outcome.code == 2
    lines = outcome.err.splitlines()
    assert lines[0].startswith(error)
    assert lines[1].startswith(hint)


def test_a_cache_that_cannot_be_used(
    terminal: Terminal,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (terminal.folder / "file").write_bytes(b"")
    monkeypatch.setenv("WPKG_CACHE_DIR", str(terminal.folder / "file"))
    for arguments in (["fetch", "-C", "app"], ["cache", "list"], ["cache", "prune"]):
        outcome = terminal.type(*arguments)
        assert outcome.code == 1
        assert outcome.err.startswith(f"error: the cache cannot be used: {terminal.folder}/file")
        assert "WPKG_CACHE_DIR" in outcome.err


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(cache_folder({"WPKG_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"})) == "/a"
    assert str(cache_folder({"XDG_CACHE_HOME": "/b"})) == "/b/wpkg"
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(cache_folder({"XDG_CACHE_HOME": "relative"})) == "/home/somebody/.cache/wpkg"
    assert str(cache_folder({})) == "/home/somebody/.cache/wpkg"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("1kB", 1000),
        ("1 KiB", 1024),
        ("500MB", 500_000_000),
        ("1.5GiB", 1_610_612_736),
        ("2g", 2 * 10**9),
        ("1T", 10**12),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "1ib", "1.", "1 2", "1PB", "9" * 400 + "TB", "1\u212ab"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a size"):
        read_size(text)


def test_ages() -> None:
    assert [read_age(text) for text in ("0", "0s", "90s", "1.5m", "2h", "30d", "8W")] == [
        0,
        0,
        90,
        90,
        7200,
        2592000,
        4838400,
    ]
    for text in ("", "d", "1", "00", "1y", "-1d", "5\u017f", "1h30m", "\u0663h", "9" * 16 + "d"):
        with pytest.raises(InvalidInput, match="is not a length of time"):
            read_age(text)


def test_amounts_for_people() -> None:
    counts = (0, 1, 999, 1000, 999_949, 999_950, 18_405_853, 10**9, 5 * 10**15)
    shown = ["0 bytes", "1 byte", "999 bytes", "1.0 kB", "999.9 kB", "1.0 MB", "18.4 MB", "1.0 GB", "5000.0 TB"]
    assert [size_text(count) for count in counts] == shown
    ages = ["less than a minute", "1 minute", "59 minutes", "1 hour", "1 day", "400 days"]
    assert [age_text(seconds) for seconds in (59, 60, 3599, 3600, 86400, 400 * 86400)] == ages
