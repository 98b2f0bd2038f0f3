"""python -m tapegrad COMMAND."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import tapegrad
from tapegrad.cli import adaline, info, run


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    p = argparse.ArgumentParser(
        prog="python -m tapegrad",
        description="PyTorch's automatic differentiation as a small Python package.",
    )
    p.add_argument("--version", action="version", version=f"tapegrad {tapegrad.__version__}")
    commands = p.add_subparsers(dest="command", metavar="COMMAND", required=True)
    adaline.add_parser(commands)
    info.add_parser(commands)
    run.add_parser(commands)
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status (2 for wrong arguments)."""
    given = parser().parse_args(arguments)
    try:
        status: int = given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (head, less) has gone: nobody wants the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
