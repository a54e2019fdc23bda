"""The component model: bytes in, types out; types in, bytes out.

Pure. Specification: WebAssembly/component-model `design/mvp/Binary.md` and `Explainer.md` at 6d28164
(2026-08-21); section names in docstrings are those documents'.
"""
