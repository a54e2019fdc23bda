"""Working stand-ins: they do what the real thing does, in memory, and pass the same contract tests."""
