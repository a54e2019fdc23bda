"""The sample's scripts, each run once as a person would run it; what they made is shared by all tests here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "samples" / "wasm-pay"
PASSWORD = "of-throw-away-keys"


@dataclass(frozen=True)
class Finished:
    """A finished script: its output, and the folder that it kept."""

    code: int
    out: str
    folder: Path

    @property
    def digests(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "digests.json").read_text())
        return found


@dataclass(frozen=True)
class SampleRun(Finished):
    """What `run` has made."""

    @property
    def composed(self) -> Path:
        return self.folder / "usd-validator" / "build" / "usd_validator.composed.wasm"

    @property
    def harness(self) -> Path:
        return self.folder / "messaging-harness" / "build" / "messaging_harness.wasm"

    @property
    def raw(self) -> Path:
        return self.folder / "usd-validator" / "build" / "usd_validator.wasm"


@dataclass(frozen=True)
class WebRun(Finished):
    """What `run-web` has made."""

    @property
    def project(self) -> Path:
        return self.folder / "eur-validator"

    @property
    def composed(self) -> Path:
        return self.project / "build" / "eur_validator.composed.wasm"

    @property
    def raw(self) -> Path:
        return self.project / "build" / "eur_validator.wasm"


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def wpkg(folder: Path, home: Path, *arguments: str) -> Answer:
    """`wpkg` as a process, for a user whose home and cache are in `home`."""
    program = str(Path(sys.executable).with_name("wpkg"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "WPKG_KEY_PASSWORD": PASSWORD}
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def finished(script: str, folder: Path) -> tuple[int, str, Path]:
    done = subprocess.run(
        [str(SAMPLE / script), "--keep", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, folder


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleRun:
    return SampleRun(*finished("run", tmp_path_factory.mktemp("sample") / "kept"))


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> WebRun:
    return WebRun(*finished("run-web", tmp_path_factory.mktemp("web") / "kept"))
