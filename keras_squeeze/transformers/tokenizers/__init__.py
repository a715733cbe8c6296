"""Slow and fast tokenizers, with the API of transformers."""
