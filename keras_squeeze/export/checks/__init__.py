"""Compares exported files with the model, with labels, and with GPUs."""
