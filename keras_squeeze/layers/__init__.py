"""Keras layers of the two architectures; they know no checkpoint."""
