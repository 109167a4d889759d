"""JSON Lines: from the items of a page to a compressed file on a disk."""
