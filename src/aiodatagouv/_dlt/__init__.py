"""The parts of the dlt source: its tables, and the extraction of their rows."""
