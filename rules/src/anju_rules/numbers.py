"""What a number is: neither true nor false, which Python takes for 1 and 0."""

from typing import TypeGuard


def is_number(value: object) -> TypeGuard[float]:
    """Say whether a value that a device or a person gave is a number."""
    return type(value) is float or type(value) is int
