"""Checks the numbers in weight files, whatever their format."""

import ml_dtypes
import numpy as np

_FLOATS = tuple(
    np.dtype(kind)
    for kind in ("float16", ml_dtypes.bfloat16, "float32", "float64")
)
_LISTED = 10


def fault_of(value, dtype="float32"):
    """Describe what is wrong with the numbers of a weight, if anything.

    Args:
        value: NumPy array with the dtype of the file.
        dtype: string. The dtype of the variable for it. Defaults to
            `"float32"`.

    Returns:
        string, or `None`.
    """
    if value.dtype.newbyteorder("=") not in _FLOATS:
        return f"{value.dtype} instead of floats"
    with np.errstate(over="ignore"):
        stored = value.astype(np.dtype(dtype), copy=False)
    if np.isfinite(stored).all():
        return None
    if np.isfinite(value).all():
        return f"numbers outside the range of {dtype}"
    return "NaN or infinity"


def refuse(faults, path=None):
    """Raise an error if any weights have faults.

    Args:
        faults: Dictionary from weight names to results of `fault_of()`.
        path: Optional string. The path of the file.

    Raises:
        ValueError: If there are faults. The error lists the first ten.
    """
    if not faults:
        return
    where = "The checkpoint" if path is None else f"`{path}`"
    listed = "".join(
        f"\n  {name} ({fault})"
        for name, fault in list(faults.items())[:_LISTED]
    )
    more = len(faults) - _LISTED
    rest = f"\n  and {more} more" if more > 0 else ""
    raise ValueError(
        f"{where} must contain finite floats of 16, 32 or 64 bits. Received "
        f"({len(faults)}):{listed}{rest}"
    )
