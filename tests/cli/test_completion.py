"""Completion as bash does it: a terminal, keys pressed, what is then on the line."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import MemoryRegistry
from tests.packages import project_that_pins, publish_package
from wpkg.names.package_name import PackageName

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = Path(sys.executable).parent
NAMES = ["pay:harness", "pay:validator", "audit:log"]


class Bash:
    """An interactive bash with wpkg's completion."""

    def __init__(self, folder: Path) -> None:
        self._master, slave = pty.openpty()
        environment = {
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "TERM": "dumb",
            "PS1": "> ",
        }
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            cwd=folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.press("bind 'set bell-style none'; bind 'set page-completions off'; stty -echo\n")
        self.press('eval "$(wpkg completion bash)"; echo rea""dy\n')
        self.wait_for("ready")

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, text: str) -> str:
        """What was printed until `text` came."""
        printed, deadline = (
            "",
            time.monotonic() + 60,
        )  # a shell and wpkg are started for it, on a machine that may be busy
        while text not in printed:
            assert time.monotonic() < deadline, printed
            if select.select([self._master], [], [], 0.1)[0]:
                printed += os.read(self._master, 65536).decode()
        return printed

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    registry = MemoryRegistry()
    pins = [publish_package(registry, "r.example", PackageName.parse(name), name.encode()) for name in NAMES]
    project_that_pins(folder, "r.example", pins)
    project_that_pins(folder / "below", "r.example", pins[:1])
    (folder / "harness.wasm").write_bytes(b"")
    (folder / "deep").mkdir()
    return folder


@pytest.fixture(scope="module")
def bash(project: Path) -> Iterator[Bash]:
    shell = Bash(project)
    yield shell
    shell.close()


COMPLETED = [
    ("wpkg comple", "wpkg completion "),
    ("wpkg cache pr", "wpkg cache prune "),
    ("wpkg cache prune --older", "wpkg cache prune --older-than "),
    ("wpkg fetch --fro", "wpkg fetch --frozen "),
    ("wpkg graph --format me", "wpkg graph --format mermaid "),
    ("wpkg pull pay:h", "wpkg pull pay:harness@1.0.0 "),
    ("wpkg pull pay:harness@1", "wpkg pull pay:harness@1.0.0 "),
    ("wpkg verify au", "wpkg verify audit:log@1.0.0 "),
    ("wpkg verify -C below pa", "wpkg verify -C below pay:harness@1.0.0 "),
    ("wpkg add audit:", "wpkg add audit:log "),
    ("wpkg add pay:h", "wpkg add pay:harness "),
    ("wpkg remove audit:", "wpkg remove audit:log "),
    ("wpkg update pay:v", "wpkg update pay:validator "),
    ("wpkg why au", "wpkg why audit:log "),
    ("wpkg why pay:harness@", "wpkg why pay:harness@1.0.0 "),
    ("wpkg tree --invert pay:v", "wpkg tree --invert pay:validator "),
    ("wpkg -C below remove pa", "wpkg -C below remove pay:harness "),
    ("wpkg -C deep remove au", "wpkg -C deep remove audit:log "),
    ("wpkg inspect harn", "wpkg inspect harness.wasm "),
    ("wpkg inspect pay:v", "wpkg inspect pay:validator@1.0.0 "),
    ("wpkg compose harn", "wpkg compose harness.wasm "),
]


@pytest.mark.parametrize(("typed", "line"), COMPLETED, ids=[typed for typed, _ in COMPLETED])
def test_tab_completes(bash: Bash, typed: str, line: str) -> None:
    # What then stands on the line becomes what an echo says: the cursor goes to its start, then to its end.
    bash.press(f"{typed}\t\x01echo '[ \x05]'\n")
    printed = bash.wait_for("]\r\n").replace("\r\n", "\n")
    assert f"[ {line}]\n" in printed


def test_every_command_is_offered(bash: Bash) -> None:
    from wpkg.cli.main import _COMMANDS

    bash.press("wpkg \t\t")
    bash.wait_for("completion")
    bash.press("\x15echo do''ne\n")
    bash.wait_for("done")
    script = "COMP_LINE='wpkg ' COMP_POINT=5 _WPKG_COMPLETE=bash_complete wpkg"
    offered = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": f"{PROGRAMS}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert offered == [f"plain,{name}" for name in _COMMANDS]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_can_be_had_as_json(shell: str) -> None:
    words = [str(PROGRAMS / "wpkg"), "completion", shell]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    document = json.loads(subprocess.run([*words, "--json"], capture_output=True, text=True, check=True).stdout)
    assert (document["schema"], document["shell"]) == ("wpkg.completion/1", shell)
    assert document["script"].rstrip("\n") == text.rstrip("\n")
    assert "wpkg" in text


def test_a_project_that_cannot_be_read_suggests_nothing(tmp_path: Path) -> None:
    (tmp_path / "wasmcloud.toml").write_text("name = ")
    line = "wpkg add a"
    environment = {
        "PATH": os.environ["PATH"],
        "_WPKG_COMPLETE": "bash_complete",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    done = subprocess.run(
        [str(PROGRAMS / "wpkg")], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("wpkg remove pay:", ["pay:harness", "pay:validator"]),
        ("wpkg update au", ["audit:log"]),
        ("wpkg why pay:harness@", ["pay:harness@1.0.0"]),
        ("wpkg -C below tree --invert ", ["pay:harness"]),
    ],
)
def test_zsh_and_fish_are_offered_the_same(project: Path, words: str, found: list[str]) -> None:
    """As their scripts ask: zsh by the number of the word, fish by the word itself."""
    begun = words.rpartition(" ")[2]
    asked = {"zsh": (words, str(len(words.split(" ")) - 1)), "fish": (words, begun)}
    offered = {}
    for shell, (line, word) in asked.items():
        environment = {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "COMP_WORDS": line,
            "COMP_CWORD": word,
            "_WPKG_COMPLETE": f"{shell}_complete",
        }
        ran = subprocess.run(["wpkg"], cwd=project, env=environment, capture_output=True, text=True, check=True)
        offered[shell] = ran.stdout.splitlines()
    assert offered["zsh"] == [line for name in found for line in ("plain", name, "_")]
    assert offered["fish"] == [f"plain,{name}" for name in found]
