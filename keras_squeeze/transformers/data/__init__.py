"""Data collators and data sets in the style of transformers."""
