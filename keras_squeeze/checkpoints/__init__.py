"""Reads and writes presets and checkpoints, for models of any architecture."""
