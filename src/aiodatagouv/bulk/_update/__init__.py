"""Updates: the changes since a harvest, and their merge into its file."""
