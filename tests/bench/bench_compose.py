"""Two components of 18 MB, by every composer in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.composers import built_components, composers
from tests.bench.measure import RUNS, installed_wpkg, taking_turns

if TYPE_CHECKING:
    from pathlib import Path


def bench(folder: Path) -> None:
    """Bar: at most 0.6 of what wasm-tools compose takes."""
    harness, validator = (str(path) for path in built_components(folder))
    measured = taking_turns(composers(installed_wpkg(folder), harness, [validator]), folder, 2 * RUNS)
    ours = measured["wpkg compose"]
    print("two components of 18 MB: bar <= 0.6 of wasm-tools compose")
    for name, found in measured.items():
        megabytes = [
            f"{count / 1e6:6.1f} MB" if count is not None else "     ?" for count in (found.read, found.written)
        ]
        print(
            f"  {name:<20}{found.seconds * 1000:6.0f} ms   peak {found.resident / 1024:4.0f} MB   read {megabytes[0]}   "
            f"written {megabytes[1]}   wpkg takes {ours.seconds / found.seconds:4.2f} of it"
        )
