"""Composition: components in, one component out.

`plan` decides who satisfies what and why, `encode` writes it. Pure: a plan is a value that can be printed and
tested, and the same inputs give the same bytes. The rules are the "Composition rules" of docs/composition.md.
"""
