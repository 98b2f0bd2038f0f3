"""opt_einsum, which is not used: einsum finds its own order."""

enabled = False
strategy = None


def is_available() -> bool:
    """False."""
    return False
