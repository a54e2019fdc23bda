"""Deployment: what a composition needs from a platform, and the manifest that says so (docs/manifest.md)."""
