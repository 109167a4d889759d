"""Programs that mypy and pyright check."""
