"""The catalogue: which component of the registry imports and exports what. Looked up by the page and by search.

It is made of what is stored and of nothing else, kept in one SQLite file, and can be lost: what is missing or has
changed since is read again when somebody asks. What a component imports and exports is read from its bytes, not
from what its config says of it.
"""
