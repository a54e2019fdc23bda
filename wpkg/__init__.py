"""Package manager and artifact store for WebAssembly components on OCI registries."""

__version__ = "0.1.0"
