"""Parquet: columns, sorting, partitions."""
