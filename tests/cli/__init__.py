"""The command line, run against scripted portals and servers."""
