"""What a person at a terminal sees of what takes long, and what a program sees of it: a line."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.fault_proxy import FaultProxy, Reply, Request
    from tests.workflow.conftest import Company

_PAUSE = 1.5  # seconds; a bar comes after a third of one
WPKG = [sys.executable, "-c", "from wpkg.cli.start import main; main()"]
BLOBS = "GET|HEAD|POST|PUT|PATCH", "/blobs/"


def slowly(_: Request, forward: Callable[[], Reply]) -> Reply:
    return replace(forward(), pause=_PAUSE)


def environment(company: Company) -> dict[str, str]:
    home = {"HOME": str(company.folder / "home"), "WPKG_KEY_PASSWORD": "pw"}
    return {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "120", **home}


def at_a_terminal(company: Company, *words: str) -> str:
    """What a command prints on the terminal that its stderr is."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*WPKG, *words],
        cwd=company.folder, env=environment(company), stdout=subprocess.DEVNULL, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    printed = b""
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.1)[0]:
            try:
                printed += os.read(master, 65536)
            except OSError:  # the other end is closed
                break
    os.close(master)
    assert process.wait() == 0, printed.decode()
    return printed.decode()


def piped(company: Company, *words: str) -> str:
    done = subprocess.run(
        [*WPKG, *words],
        cwd=company.folder, env=environment(company), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_checking(proxied_company: tuple[Company, FaultProxy]) -> None:
    author, proxy = proxied_company
    author.publish("harness")
    words = ("verify", f"{author.repository('harness')}:0.1.0", "--key", "platform.pub")
    assert re.fullmatch(r" +Checking sha256:[0-9a-f]{12} \(2\.0 kB\)\n", piped(author, *words))
    proxy.on(*BLOBS, slowly)
    shown = at_a_terminal(author, *words)
    assert re.search(r"Checking.*sha256:[0-9a-f]{12}.*━.*0/2\.0 kB", shown), shown
    assert "\x1b" in shown
    assert "Checking" not in at_a_terminal(author, *words, "--quiet")


def test_pushing_and_fetching(proxied_company: tuple[Company, FaultProxy]) -> None:
    author, proxy = proxied_company
    author.publish("harness", unsigned=True)
    push = ("push", "-C", "projects/harness", "--key", "../../platform.key")
    proxy.on(*BLOBS, slowly, times=1)
    assert re.search(r"Pushing.*/harness:0\.1\.0.*━.*/2\.0 kB", at_a_terminal(author, *push))
    assert re.fullmatch(r" +Pushing .*/harness:0\.1\.0 \(2\.0 kB\)\n", piped(author, *push))
    pull = ("pull", f"{author.repository('harness')}:0.1.0", "--key", "platform.pub", "-o")
    proxy.on(*BLOBS, slowly)
    assert re.search(r"Fetching.*/harness:0\.1\.0.*━.*/2\.0 kB", at_a_terminal(author, *pull, "a.wasm"))
    proxy.forget_rules()
    assert "Fetching" not in piped(author, *pull, "b.wasm")  # it is in the cache
