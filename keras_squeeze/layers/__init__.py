"""Keras layers of both architectures, independent of checkpoints."""
