"""The two files of a project: `wasmcloud.toml`, written by people, and `wpkg.lock`, written by wpkg."""
