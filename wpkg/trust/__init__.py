"""Who signed what: keys, statements, envelopes, bundles, provenance, policy, verification.

Pure: bytes and values in, values and bytes out. Nothing here trusts a name, a size or an algorithm that
the signed file itself brings along. Specifications: DSSE v1.0.2, in-toto attestation v1.2.0, sigstore
bundle v0.3 (protobuf-specs v0.5.1), SLSA v1.2; compatible with cosign 2.6.4 and 3.1.2. What is signed keyless is
verified by the `sigstore` library, where that is installed.
"""
