"""Destinations in object stores (S3, Google Cloud Storage, Azure), through fsspec."""
