"""Exports models to LiteRT, and verifies and runs the exported files."""
