"""The page: what is in the registry, for people, as HTML made on the server; and search, for programs too.

It asks the same service as every client, in the caller's name, and so shows only what that caller could pull.
No script, no build step, nothing from elsewhere.
"""
