"""Limits on requests: the gate, and the decisions that it enforces."""
