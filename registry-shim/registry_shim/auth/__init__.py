"""Who asks, and what they may do: passwords and rules, as a service in front of the registry.

Passwords are bcrypt hashes in a file as `htpasswd -B` writes it; rules are a TOML file. Both are read again when
they have changed, and when one of them has become unusable nobody gets in until it is mended.
"""
