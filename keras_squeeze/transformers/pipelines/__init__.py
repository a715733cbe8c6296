"""Pipelines: texts in, answers out, as transformers gives them."""
