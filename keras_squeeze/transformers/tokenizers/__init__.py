"""Slow and fast tokenizers, with the names and habits of transformers."""
