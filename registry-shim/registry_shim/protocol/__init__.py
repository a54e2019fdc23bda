"""The protocol: requests to responses (OCI distribution-spec v1.1.1), without a socket.

`Registry.begin` takes a request and gives either the response or an `Intake`, which takes the body piece by
piece and then gives the response. Whoever carries the bytes (a server, a test) drives it; `exchange` in
`registry` is that driver in its simplest form.
"""
