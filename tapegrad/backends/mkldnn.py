"""oneDNN, which is not here; its flags may be set."""

enabled = True
deterministic = False


def is_available() -> bool:
    """False."""
    return False
