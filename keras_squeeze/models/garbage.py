"""Short collections of garbage, for code that asks for many."""

import contextlib
import gc


@contextlib.contextmanager
def fast_collections():
    """Exclude existing objects from garbage collection.

    Keras collects garbage for each weight that it replaces, and each time
    inspects every object of the process. Objects that other code has excluded
    stay excluded.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
