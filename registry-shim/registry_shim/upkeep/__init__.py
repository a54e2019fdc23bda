"""Upkeep of a store: removing what nothing needs (`collect`) and finding and mending damage (`scrub`).

One process has a root. Where that is a running registry, the commands hand it their orders through a socket in the
root, and it carries them out beside its clients; otherwise they open the root themselves.
"""
