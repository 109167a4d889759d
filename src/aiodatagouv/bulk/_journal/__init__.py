"""The checkpoint of a harvest, and what a finished file is recognised by."""
