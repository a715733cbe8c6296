"""Reads and writes the files that models are kept in; it knows no model."""
