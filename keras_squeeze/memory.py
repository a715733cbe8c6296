"""How the C library manages the memory of this process."""

import ctypes
import sys

# The parameters of `mallopt()` in malloc.h: allocate nothing separately, never
# give memory back, and have one heap for all threads.
_M_MMAP_MAX = -4
_M_TRIM_THRESHOLD = -1
_M_ARENA_MAX = -8
_SETTINGS = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1, _M_ARENA_MAX: 1}


def keep_freed_memory():
    """Keep freed memory for the next step of training, on Linux.

    On JAX, a step on the CPU allocates all memory that it needs at once, and
    frees it at its end. Usually the C library then returns it to Linux, which
    fills it with zeros before the next step. For the tiny presets, this is a
    quarter of the time of a step. In exchange, the peak memory is up to a fifth
    larger, and other programs cannot use the memory between the steps.

    `keras-squeeze` does this on JAX. In a script, call it after the imports
    and before models are created.

    Returns:
        Whether it had an effect. The C library must be that of GNU.

    Example:

    ```python
    keras_squeeze.memory.keep_freed_memory()
    ```
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    results = [library.mallopt(*setting) for setting in _SETTINGS.items()]
    return all(results)
