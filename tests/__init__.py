"""The tests: of each module alone, and of all of them against a real portal."""
