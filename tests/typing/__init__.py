"""Programs for mypy and pyright: what they see is what they get."""
