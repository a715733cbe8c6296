"""Data collators and datasets in the style of transformers."""
