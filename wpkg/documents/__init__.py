"""Documents that people and programs send us: JSON and TOML, read strictly, every mistake with its place."""
