"""Registries and the disk: all network and store I/O, verified before anything else sees a byte."""
