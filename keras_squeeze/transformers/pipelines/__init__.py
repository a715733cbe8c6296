"""Pipelines that turn texts into answers, with the API of transformers."""
