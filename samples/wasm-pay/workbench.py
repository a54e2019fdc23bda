"""What the scripts here share: a folder in which everything happens, and the commands that are run there."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SAMPLE = Path(__file__).resolve().parent
REPOSITORY = SAMPLE.parent.parent
REGISTRY = "127.0.0.1:5000"  # stands in the project files; each run has a registry on a port of its own
PASSWORD = "of-throw-away-keys"  # noqa: S105 - the keys live as long as this run
STARTED = time.monotonic()


class StepFailed(Exception):
    """A command of a step did not end well."""


def step(text: str) -> None:
    print(f"\n== {text}  [{time.monotonic() - STARTED:.0f} s]", flush=True)


class Bench:
    """The folder that everything happens in, and the commands that are run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "venv" / "bin"

    def make_environment(self, tools: Sequence[str]) -> None:
        venv.create(self.folder / "venv", with_pip=True)
        pip = [str(self.programs / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", str(REPOSITORY), *tools], check=True)

    def environment(self, cache: str) -> dict[str, str]:
        """Variables for a user whose cache is the folder `cache`; nothing of the caller's user is seen."""
        kept = {name: value for name, value in os.environ.items() if name in ("LANG", "LC_ALL", "TMPDIR", "CI")}
        return {
            **kept,
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "WPKG_CACHE_DIR": str(self.folder / cache),
            "WPKG_KEY_PASSWORD": PASSWORD,
        }

    def copy_project(self, name: str, registry: str, to: str | None = None) -> None:
        """The project `name` as the folder `to`, over what is there; its registry is the one of this run."""
        target = self.folder / (to or Path(name).name)
        ignored = shutil.ignore_patterns("build", "__pycache__")
        shutil.copytree(SAMPLE / name, target, ignore=ignored, dirs_exist_ok=True)
        file = target / "wasmcloud.toml"
        file.write_text(file.read_text().replace(REGISTRY, registry))

    def wpkg(self, *arguments: str, folder: str = "", cache: str = "author-cache") -> dict:
        """The JSON result of a command, which is shown as a person would type it."""
        code, document = self._typed(arguments, folder, cache)
        if code != 0:
            raise StepFailed(f"wpkg {arguments[0]} ended with {code}:\n{json.dumps(document, indent=2)}")
        return document

    def refused(self, code: int, *arguments: str, folder: str = "", cache: str = "author-cache") -> dict:
        """The error of a command that must end with `code`, shown as a person sees it."""
        found, document = self._typed(arguments, folder, cache)
        if found != code:
            raise StepFailed(f"wpkg {arguments[0]} ended with {found} and not {code}:\n{json.dumps(document)}")
        error = document["error"]
        print(f"error: {error['message']}")
        if error["hint"] is not None:
            print("hint: " + error["hint"].replace("\n", "\n    "))
        print(f"(exit code {code})", flush=True)
        return error

    def _typed(self, arguments: Sequence[str], folder: str, cache: str) -> tuple[int, dict]:
        print(f"$ {f'cd {folder} && ' if folder else ''}wpkg {' '.join(arguments)}", flush=True)
        done = subprocess.run(
            [str(self.programs / "wpkg"), *arguments, "--json"],
            cwd=self.folder / folder,
            env=self.environment(cache),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    def make_keys(self, *names: str) -> None:
        for name in names:
            print(f"{name}: {self.wpkg('key', 'generate', '--output', name)['key']}")

    def trust(self, project: str, *names: str) -> None:
        """Put the public keys of `names` where the project file of `project` looks for them."""
        folder = self.folder / project / "trust"
        folder.mkdir()
        for name in names:
            shutil.copy(self.folder / f"{name}.pub", folder)

    @contextmanager
    def running_registry(self) -> Iterator[str]:
        """The address of a registry-shim on a free port."""
        server = subprocess.Popen(
            [
                str(self.programs / "registry-shim"),
                "serve",
                "--root",
                str(self.folder / "registry"),
                "--port",
                "0",
            ],
            env=self.environment("author-cache"),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            line = server.stdout.readline().strip()
            if not line.startswith("http://"):
                raise StepFailed(f"registry-shim did not start: {line}")
            address = line.removeprefix("http://")
            print(f"registry-shim listens on {address}")
            yield address
        finally:
            server.terminate()
            server.wait(timeout=10)


def show_changes(added: dict) -> None:
    for change in added["changes"]:
        after = change["after"]
        signers = ", ".join(after["signers"])
        print(f"pinned {after['name']} {after['version']} {after['manifest']}, signed by {signers}")


def show_pushed(pushed: dict) -> None:
    lines = [f"{a['reference']}  {a['manifest']}  ({a['kind']})" for a in pushed["artifacts"]]
    print("\n".join([*lines, f"signed by {pushed['signer']}"]), flush=True)


def by_digest(pushed: dict) -> str:
    """The reference of what runs, by its digest."""
    artifact = pushed["artifacts"][-1]
    return f"{artifact['reference'].rpartition(':')[0]}@{artifact['manifest']}"


def main(job: Callable[[Bench], dict], description: str | None) -> int:
    """The exit code of a script: `job` in a folder that is gone afterwards, or kept with what `job` returns."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what was made in DIR, which must not exist")
    keep = parser.parse_args().keep
    folder = keep if keep is not None else Path(tempfile.mkdtemp(prefix="wasm-pay-"))
    try:
        folder.mkdir(exist_ok=keep is None)
        (folder / "digests.json").write_text(json.dumps(job(Bench(folder.resolve())), indent=2) + "\n")
    except (StepFailed, OSError, subprocess.SubprocessError, ValueError) as error:
        print(f"\nfailed: {error}", file=sys.stderr)
        return 1
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0
