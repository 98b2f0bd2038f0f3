"""What this processor can do."""

import platform


def get_cpu_capability() -> str:
    """The processor's architecture, such as "x86_64"; torch names the instruction set that it uses."""
    return platform.machine()
