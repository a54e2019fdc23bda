"""registry-shim: the embedded OCI registry of wpkg."""
