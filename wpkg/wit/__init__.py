"""WIT: the text of interfaces and worlds, from types and to types.

Pure. Specification: WebAssembly/component-model `design/mvp/WIT.md` at 6d28164 (2026-08-21).
"""
