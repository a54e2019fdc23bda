"""OCI values and rules: digests, references, descriptors, manifests, the Wasm artifact, referrers.

Pure: bytes and text in, frozen values out. Specifications: OCI image-spec v1.1.1 and distribution-spec
v1.1.1 (with the clarifications on its main branch of 2026-07), CNCF "Wasm OCI Artifact Layout".
"""
