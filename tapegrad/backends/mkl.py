"""Intel's MKL, which NumPy may use; nothing here depends on it."""


def is_available() -> bool:
    """False."""
    return False
