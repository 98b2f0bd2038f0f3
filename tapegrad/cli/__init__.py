"""The command line: python -m tapegrad."""
