"""Batches of samples, as transformers makes them."""
