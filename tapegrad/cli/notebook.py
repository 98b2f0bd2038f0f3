"""Jupyter notebooks: their code cells, run one after the other, with what each prints and shows."""

from __future__ import annotations

import ast
import json
import linecache
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

Execute = Callable[[str, str], None]
_COMMAND = re.compile(r"^\s*[%!]")


def cells(file: Path) -> list[tuple[int, str]]:
    """(number, source) of the code cells, numbered from 1.

    Raises: ValueError for a file that is no notebook.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if "cells" not in content:  # nbformat 3
            content = {"cells": [c for sheet in content["worksheets"] for c in sheet["cells"]]}
        sources = [c.get("source", c.get("input", "")) for c in content["cells"] if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"run: {file} is no notebook: {type(error).__name__}: {error}.") from None
    return [(i, "".join(source)) for i, source in enumerate(sources, 1)]


def python(source: str) -> tuple[str, list[str]]:
    """A cell without the lines that are IPython's (% and !), which become empty, and these lines."""
    if source.lstrip().startswith("%%"):
        return "", [source.strip().split("\n")[0]]
    if _parses(source):  # a line may begin with %, the operator
        return source, []
    skipped: list[str] = []
    lines = source.split("\n")
    for i, line in enumerate(lines):
        if _COMMAND.match(line):
            skipped.append(line.strip())
            indent = line[: len(line) - len(line.lstrip())]
            lines[i] = f"{indent}pass" if indent else ""
    return "\n".join(lines), skipped


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def run(file: Path) -> None:
    """Run the code cells in one namespace. The value of a cell's last line is shown, as in a notebook.

    Without IPython, lines that begin with % or ! are skipped, and a line on stderr says so.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")  # figures have no window here
    with _main(file) as module:
        execute = _shell(module) if find_spec("IPython") else _plain(module)
        for number, source in _progress(cells(file)):
            execute(source, f"{file.name}, cell {number}")


@contextmanager
def _main(file: Path) -> Iterator[ModuleType]:
    """A new `__main__`, so that what cells define can be pickled."""
    module = ModuleType("__main__")
    module.__file__ = str(file)
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        yield module
    finally:
        sys.modules["__main__"] = before


def _progress(work: list[tuple[int, str]]) -> Iterable[tuple[int, str]]:
    """The cells with a progress bar, where a terminal waits and tqdm is installed."""
    if not sys.stderr.isatty() or not find_spec("tqdm"):
        return work
    tqdm = import_module("tqdm").tqdm
    bar: Iterable[tuple[int, str]] = tqdm(work, unit="cell", leave=False)
    return bar


def _plain(module: ModuleType) -> Execute:
    """What runs a cell's source under a name, without IPython."""
    names = module.__dict__

    def execute(source: str, name: str) -> None:
        text, skipped = python(source)
        for line in skipped:
            sys.stderr.write(f"{name}: {line} is skipped; it needs IPython.\n")
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)  # for tracebacks
        tree = ast.parse(text, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), names)
            if value is not None and not text.rstrip().endswith(";"):
                names["_"] = value
                sys.stdout.write(f"{value!r}\n")

    return execute


def _shell(module: ModuleType) -> Execute:
    """What runs a cell's source in IPython, with its magic, keeping no history."""
    config = import_module("traitlets.config").Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    kind = import_module("IPython.core.interactiveshell").InteractiveShell
    shell = kind.instance(config=config, user_module=module)
    shell.enable_gui = lambda gui=None: None  # there is no window
    shell.showtraceback = lambda *args, **kwargs: None  # whoever runs the notebook shows it

    def execute(source: str, name: str) -> None:
        result = shell.run_cell(source, store_history=True)
        sys.stdout.flush()
        result.raise_error()

    return execute
