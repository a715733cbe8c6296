"""What numbers the weights in a file may be, whatever its format."""

import ml_dtypes
import numpy as np

_FLOATS = tuple(
    np.dtype(kind)
    for kind in ("float16", ml_dtypes.bfloat16, "float32", "float64")
)
_LISTED = 10


def fault_of(value, dtype="float32"):
    """Say what is wrong with the numbers of a weight, if anything is.

    Args:
        value: NumPy array, as it is in the file.
        dtype: string. The dtype of the variable that it is for. Defaults to
            `"float32"`.

    Returns:
        string, or `None`.
    """
    if value.dtype.newbyteorder("=") not in _FLOATS:
        return f"{value.dtype} and not floats"
    with np.errstate(over="ignore"):
        stored = value.astype(np.dtype(dtype), copy=False)
    if np.isfinite(stored).all():
        return None
    if np.isfinite(value).all():
        return f"numbers that {dtype} does not reach"
    return "NaN or infinity"


def refuse(faults, path=None):
    """Raise an error if there are weights with faults.

    Args:
        faults: Dictionary from the names of weights to what `fault_of()` said
            of them.
        path: Optional string. The file.

    Raises:
        ValueError: If there are any, of which the first ten are named.
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
        f"{where} must hold finite floats of 16, 32 or 64 bits. Received "
        f"({len(faults)}):{listed}{rest}"
    )
