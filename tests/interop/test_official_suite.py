"""The official conformance suite of the specification, against registry-shim.

Its exit status is 0 also when it could not begin, and tests that it leaves out do not fail it: its counts are read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.interop.conftest import execute, peer
from tests.shim.process import Served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop

# Version of the specification, checks, and those that the suite leaves out: 1.1 has no cancelling of uploads.
CHECKS = [("dev", 1032, 0), ("1.1", 908, 2)]


@pytest.mark.parametrize(("version", "total", "disabled"), CHECKS)
def test_everything_passes(tmp_path: Path, version: str, total: int, disabled: int) -> None:
    program = peer("conformance")
    served = Served(tmp_path / "root", "--sparse")
    try:
        done = execute(
            tmp_path,
            program,
            OCI_VERSION=version,
            OCI_DATA_SPARSE="true",
            OCI_TLS="disabled",
            OCI_REGISTRY=served.address.removeprefix("http://"),
            OCI_RESULTS_DIR=str(tmp_path / "results"),
        )
    finally:
        served.stop()
    counts = dict(re.findall(r"^  (\w+)\.+: +([0-9]+)$", done.out, re.MULTILINE))
    assert (done.code, {name: int(count) for name, count in counts.items() if int(count)}) == (
        0,
        {"Total": total, "Pass": total - disabled, **({"Disabled": disabled} if disabled else {})},
    )
    report = ET.parse(tmp_path / "results" / "junit.xml").getroot()  # noqa: S314 - written by the suite just now
    assert report.get("tests") == str(total)
