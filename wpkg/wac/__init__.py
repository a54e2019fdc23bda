"""WAC documents: a composition written down (docs/wac.md).

`parse_document` gives what a text says, `format_document` its layout, `print_document` the text of a tree;
`evaluate` makes of a tree what inference makes of components, a plan; `emit` makes a tree of a plan. Pure.
"""
