"""Checks of arguments, with consistent error messages."""


def check_positive_int(name, value):
    """Raise a `ValueError` unless `value` is an integer above zero.

    Args:
        name: string. The name of the argument in errors.
        value: The value of the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}"
        )


def check_rate(name, value):
    """Raise a `ValueError` unless `value` is a dropout rate in `[0, 1)`.

    Args:
        name: string. The name of the argument in errors.
        value: The value of the argument.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        valid = False
    else:
        valid = 0 <= value < 1
    if not valid:
        raise ValueError(
            f"`{name}` must be a number in the range [0, 1). Received: "
            f"{name}={value!r}"
        )


def check_divisible(name, value, divisor_name, divisor):
    """Raise a `ValueError` unless `divisor` divides `value`.

    Args:
        name: string. Name of the argument that must be divisible.
        value: int. Its value.
        divisor_name: string. Name of the argument that must divide it.
        divisor: int. Its value.
    """
    if value % divisor != 0:
        raise ValueError(
            f"`{name}` must be divisible by `{divisor_name}`. Received: "
            f"{name}={value}, {divisor_name}={divisor}"
        )


def check_choice(name, value, choices):
    """Raise a `ValueError` unless `value` is one of `choices`.

    Args:
        name: string. The name of the argument in errors.
        value: The value of the argument.
        choices: The valid values, in a container that errors show.
    """
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {choices}. Received: {name}={value!r}"
        )


def shorten(value):
    """Format a value for an error, truncated to 80 characters.

    Args:
        value: Any object.

    Returns:
        string.
    """
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
