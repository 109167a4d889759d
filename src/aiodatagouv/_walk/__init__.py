"""Walks over lists that come in pages, and that change meanwhile."""
