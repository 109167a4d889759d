"""Differences between two harvests."""
