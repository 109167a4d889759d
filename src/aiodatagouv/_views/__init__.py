"""Views of answers: read-only models whose attributes are decoded when they are read."""
