"""A real udata portal with an in-memory database, for tests and for experiments."""
