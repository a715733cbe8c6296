"""Checks exported files against the model, labels and GPU delegate rules."""
