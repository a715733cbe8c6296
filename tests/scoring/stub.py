"""Stands in for the workers, so that runs need no model."""

import contextlib

import numpy as np


class Stub:
    """Answers each text with itself, and none for texts with a `?`."""

    columns = ["label"]

    def __init__(self):
        self.scored = []

    def score(self, blocks):
        for block in blocks:
            (texts,) = block.texts
            self.scored.append(block.name)
            reasons = {i: "has a ?" for i, t in enumerate(texts) if "?" in t}
            kept = [text for text in texts if "?" not in text]
            yield block, ({"label": np.array(kept, "object")}, reasons)

    @contextlib.contextmanager
    def start(self, arguments, count, address):
        """Like `start_workers()`."""
        yield self
