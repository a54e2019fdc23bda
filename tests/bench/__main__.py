"""`python tests/bench [NAME...]`: every bench, or those named; `--list` shows their names.

A bench is a file here, `bench_NAME.py`, whose `bench(folder)` prints what it measures in an empty folder.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parents[1])  # also where Python was told to run this folder


def names() -> list[str]:
    """Every bench there is."""
    return sorted(path.stem.removeprefix("bench_").replace("_", "-") for path in HERE.glob("bench_*.py"))


def main(wanted: list[str]) -> None:
    """Run what is `wanted`, each in a folder of its own."""
    if wanted == ["--list"]:
        print("\n".join(names()))
        return
    if unknown := [name for name in wanted if name not in names()]:
        sys.exit(f"error: there is no bench '{unknown[0]}'; there are {', '.join(names())}")
    for name in wanted or names():
        print(f"== {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="wpkg-bench-") as folder:
            import_module(f"tests.bench.bench_{name.replace('-', '_')}").bench(Path(folder))


main(sys.argv[1:])
