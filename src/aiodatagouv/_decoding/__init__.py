"""Decoding of answers: from bytes to values of the types that the API declares."""
