"""Sigstore in a box: an instance whose bundles the unmodified `sigstore` library accepts, without any service."""
