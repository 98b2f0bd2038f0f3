"""Made by tools/stubs.py from the registry of operations. Do not edit."""

__all__: list[str]
