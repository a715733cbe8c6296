"""Configurations and models, with the API of transformers."""
