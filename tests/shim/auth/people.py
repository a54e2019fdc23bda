"""A file of passwords and rules for a small company."""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING

import bcrypt

if TYPE_CHECKING:
    from pathlib import Path

PASSWORDS = {"alice": "wonder land", "bob": "büro:7", "ci": "robot"}
RULES = """version = 1
[[rule]]
prefix = ""
read = ["*"]
push = ["alice"]
delete = ["alice"]
[[rule]]
prefix = "open"
read = ["anonymous"]
push = ["ci"]
[[rule]]
prefix = "open/secret"
read = ["bob"]
"""


@cache
def hash_of(password: str) -> str:
    """As htpasswd writes it, at the least cost."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")


def htpasswd(passwords: dict[str, str] = PASSWORDS) -> str:
    return "".join(f"{name}:{hash_of(password)}\n" for name, password in passwords.items())


def basic(name: str, password: str | None = None) -> dict[str, str]:
    """The header of somebody, by default with the right password."""
    text = f"{name}:{PASSWORDS[name] if password is None else password}"
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def write_files(folder: Path) -> tuple[Path, Path]:
    paths = folder / "htpasswd", folder / "access.toml"
    paths[0].write_text(htpasswd())
    paths[1].write_text(RULES)
    return paths
