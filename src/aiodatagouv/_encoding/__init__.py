"""Encoding of bodies: from models to the JSON that is sent."""
