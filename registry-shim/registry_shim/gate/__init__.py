"""The gate: a tag shows only what the trust policy accepts. A service in front of the registry.

Content by digest, referrers and uploads pass as they are, for without them nobody could sign. What a tag names is
verified when it is tagged and whenever somebody asks for it, by the verifier of `wpkg verify`.
"""
