"""Pull-through: repositories of another registry, fetched when they are asked for and kept.

What is named by digest never changes, so what is here is never asked for again. What can change (tags, lists,
referrers) is asked for anew after a while, and served as it was last seen, with a `Warning`, while the other
registry cannot be asked. Nothing is kept that does not match its digest.
"""
