"""Configurations and models, with the names and habits of transformers."""
