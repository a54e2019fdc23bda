"""The examples of docs/registry-shim.md, run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

pytest_plugins = ("pytester",)

PAGE = Path(__file__).parents[2] / "docs/registry-shim.md"


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_context_manager() -> None:
    program, _ = examples()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    url, host, root = done.stdout.splitlines()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert host == url.removeprefix("http://")
    assert not Path(root).exists()


def test_the_fixtures(pytester: pytest.Pytester) -> None:
    _, module = examples()
    pytester.makepyfile(module)
    pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_every_option_is_named() -> None:
    """The pages have the options that the commands say they have."""
    pages = PAGE.read_text() + PAGE.with_name("registry-access.md").read_text()
    for command in ("serve", "gc", "scrub"):
        done = subprocess.run(
            [str(Path(sys.executable).with_name("registry-shim")), command, "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        options = set(re.findall(r"--[a-z-]+", done.stdout)) - {"--help"}
        assert {option for option in options if option not in pages} == set()
