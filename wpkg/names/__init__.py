"""The grammar of what things are called: packages, versions, requirements, extern names.

Parse once, at the edge; everything inside holds the parsed value.
"""
