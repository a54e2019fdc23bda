"""Which versions to take: requirements and what exists in, one version for each package out. Pure."""
