"""registry-shim: the embedded OCI registry of wpkg.

`from registry_shim import serving` gives a registry inside of the own process, see `inprocess`. It is loaded when
it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry_shim.inprocess import ServedRegistry, serving

__all__ = ["ServedRegistry", "serving"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from registry_shim import inprocess

    return getattr(inprocess, name)
