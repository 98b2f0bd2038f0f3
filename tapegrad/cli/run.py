"""python -m tapegrad run PROGRAM [ARGS]: run a program written for torch, a script or a notebook, on
tapegrad."""

from __future__ import annotations

import argparse
import os
import re
import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from tapegrad.absent import missing
from tapegrad.cli import notebook
from tapegrad.cli.names import Use, absent_uses

_HERE = Path(__file__).parent


def add_parser(commands: Any) -> None:
    """Add the command to a parser's subcommands."""
    p = commands.add_parser(
        "run",
        help="run a script or notebook written for torch",
        description="Run a program written for torch, with `torch` and its submodules resolved to tapegrad.",
    )
    p.add_argument("program", type=Path, help="a script (.py) or a notebook (.ipynb)")
    p.add_argument("arguments", nargs=argparse.REMAINDER, help="what the program finds in sys.argv")
    p.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Run the program as Python would; returns its exit status. Where a name of torch's is met that tapegrad
    lacks, one line says which and where, and a list at the end all that the program mentions."""
    program: Path = given.program
    if not program.is_file():
        sys.stderr.write(f"run: {program} is no file; the path of a script or a notebook is needed.\n")
        return 2
    from tapegrad import as_torch  # only here: it changes what `import torch` gives

    as_torch.install()
    with _as_started(program, given.arguments):
        try:
            if program.suffix == ".ipynb":
                notebook.run(program)
            else:
                runpy.run_path(str(program), run_name="__main__")
            status = 0
        except Exception as error:  # noqa: BLE001 # the program's: shown as Python shows it, with our list
            _show(error, program)
            status = 1
        finally:
            sys.stdout.flush()
            _list_absent(program)
    return status


@contextmanager
def _as_started(program: Path, arguments: list[str]) -> Iterator[None]:
    """sys.argv and sys.path as Python makes them for a script."""
    argv, path = sys.argv, sys.path[:]
    sys.argv = [str(program), *arguments]
    sys.path.insert(0, str(program.resolve().parent))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path


def _show(error: Exception, program: Path) -> None:
    """One line for a name that tapegrad lacks; otherwise the traceback from the program on."""
    steps = _steps(error.__traceback__)
    if steps and is_absence(error):
        frame, line = steps[-1].tb_frame, steps[-1].tb_lineno
        sys.stderr.write(f"{_short(frame.f_code.co_filename)}:{line}: {_explained(error)}\n")
        return
    traceback.print_exception(type(error), error, steps[0] if steps else None)


def _steps(tb: TracebackType | None) -> list[TracebackType]:
    """The steps of a traceback that are in the program, not in what ran it, and not in tapegrad."""
    found: list[TracebackType] = []
    ours = (str(_HERE.parent), "<frozen", runpy.__file__)
    while tb is not None:
        file = tb.tb_frame.f_code.co_filename
        if not file.startswith(ours) and f"{os.sep}IPython{os.sep}" not in file:
            found.append(tb)
        tb = tb.tb_next
    return found


def is_absence(error: BaseException) -> bool:
    """Whether it says that tapegrad lacks a name of torch's."""
    if isinstance(error, ImportError):
        return (error.name or "").partition(".")[0] in ("torch", "tapegrad")
    if not isinstance(error, AttributeError):
        return False
    owner = error.obj
    name = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__module__
    return name.partition(".")[0] in ("torch", "tapegrad") or "of tapegrad has no" in str(error)


def _explained(error: BaseException) -> BaseException:
    """What is known of the name, where Python itself has said no more than that it is not there."""
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType) and error.name:
        return missing("torch" + error.obj.__name__.removeprefix("tapegrad"), error.name)
    if isinstance(error, ImportError) and (name := re.match(r"cannot import name '(\w+)'", str(error))):
        return missing(str(error.name).replace("tapegrad", "torch"), name[1])
    return error


def _list_absent(program: Path) -> None:
    """All names of torch that the program's own files mention and tapegrad lacks."""
    uses: list[Use] = []
    for file in (program, *_local_modules(program.resolve().parent)):
        uses += absent_uses(file)
    if not uses:
        return
    sys.stderr.write("Names of torch in this program that tapegrad lacks:\n")
    for use in uses:
        where = f"{_short(use.file)}, {use.cell}" if use.cell else f"{_short(use.file)}:{use.line}"
        sys.stderr.write(f"  {use.name}  ({where}){use.why}\n")


def _local_modules(folder: Path) -> list[Path]:
    """The files of loaded modules beside or below the program."""
    files = [getattr(m, "__file__", None) for m in list(sys.modules.values())]
    paths = [Path(f) for f in files if f]
    own = [p for p in paths if p.is_relative_to(folder) and "site-packages" not in p.parts]
    return sorted({p for p in own if not p.is_relative_to(_HERE.parent)})


def _short(file: str | Path) -> str:
    """A path as a reader would name it."""
    try:
        return str(Path(file).resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(file)
