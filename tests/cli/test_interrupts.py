"""Ctrl-C while a registry does not answer: the command ends at once, says so, and leaves nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.workflow.conftest import TRUST, Company

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.fault_proxy import FaultProxy, Reply, Request

WPKG = [sys.executable, "-c", "from wpkg.cli.start import main; main()"]
SOON = 5  # seconds: those under way get two
NEEDS = TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n'

BLOBS, MANIFESTS, TAGS, REFERRERS = "/blobs/", "/manifests/", "/tags/", "/referrers/"
WAITING = [
    (("lock", "-C", "projects/validator"), TAGS),
    (("lock", "-C", "projects/validator"), MANIFESTS),
    (("lock", "-C", "projects/validator"), REFERRERS),
    (("add", "-C", "projects/validator", "pay:harness@^0.1"), TAGS),
    (("fetch", "-C", "projects/validator"), BLOBS),
    (("build", "-C", "projects/validator", "--compose", "--no-build"), BLOBS),
    (("push", "-C", "projects/harness", "--key", "../../platform.key"), BLOBS),
    (("pull", "{harness}:0.1.0", "-o", "out.wasm", "--key", "platform.pub"), BLOBS),
    (("verify", "{harness}:0.1.0", "--key", "platform.pub"), REFERRERS),
    (("copy", "{harness}:0.1.0", "dir:layout"), BLOBS),
    (("copy", "{harness}:0.1.0", "{address}/mirror/harness"), BLOBS),
    (("inspect", "{harness}:0.1.0"), MANIFESTS),
]


@pytest.mark.parametrize(("words", "asked"), WAITING, ids=lambda v: v.strip("/") if isinstance(v, str) else v[0])
def test_ctrl_c_ends_the_wait(
    proxied_company: tuple[Company, FaultProxy], words: tuple[str, ...], asked: str
) -> None:
    author, proxy = proxied_company
    author.publish("harness")
    author.project("validator", extra=NEEDS)
    before = names(author)
    released, waiting = threading.Event(), threading.Event()

    def wait(_: Request, forward: Callable[[], Reply]) -> Reply:
        waiting.set()
        released.wait(60)
        return forward()

    proxy.on("GET|HEAD|POST|PUT|PATCH", asked, wait)
    places = {"harness": author.repository("harness"), "address": author.address}
    with subprocess.Popen(
        [*WPKG, *(word.format(**places) for word in words)],
        cwd=author.folder,
        env={"PATH": os.environ["PATH"], "HOME": str(author.folder / "home"), "WPKG_KEY_PASSWORD": "pw"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert waiting.wait(20)
            time.sleep(0.3)  # whoever else is going to wait does so now
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            output, said = process.communicate(timeout=SOON)
            taken = time.monotonic() - start
        finally:
            released.set()
            process.kill()
    assert (process.returncode, output, said.splitlines()[-1]) == (130, "", "interrupted")
    assert "Traceback" not in said
    assert taken < SOON
    assert names(author) == before


def names(company: Company) -> list[str]:
    """All files but those of the registry, of the cache, and of a layout without content."""
    found = (path.relative_to(company.folder) for path in company.folder.rglob("*") if path.is_file())
    empty = {f"layout/{name}" for name in ("access", "index.json", "oci-layout")}
    return sorted({str(path) for path in found if path.parts[0] not in ("registry", "home")} - empty)
