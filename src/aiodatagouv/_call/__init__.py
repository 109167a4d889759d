"""The path of a call, from its arguments to its answer."""
