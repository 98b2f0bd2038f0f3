"""Which names of torch a program mentions that tapegrad lacks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from tapegrad.absent import absence
from tapegrad.cli.notebook import cells, python


class Use(NamedTuple):
    """A name, where it is first mentioned (`cell`: of a notebook), and what is known of its absence."""

    name: str
    file: Path
    line: int
    cell: str
    why: str


def absent_uses(file: Path) -> list[Use]:
    """The first mention of each name in a script or notebook; none in what is not Python."""
    found: dict[str, Use] = {}
    known: dict[str, str] = {}
    for source, cell in _sources(file):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        for name, line in _mentions(tree, known):
            full = _first_absent(name)
            if full and full not in found:
                why = absence(full)
                found[full] = Use(full, file, line, cell, f": {why.why}. {why.instead}" if why else "")
    return list(found.values())


def _sources(file: Path) -> Iterator[tuple[str, str]]:
    if file.suffix != ".ipynb":
        yield file.read_text(encoding="utf-8", errors="replace"), ""
        return
    for number, source in cells(file):
        yield python(source)[0], f"cell {number}"


def _mentions(tree: ast.AST, known: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Full names of torch, (name, line). known: the local names of modules, which grows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                if a.name.partition(".")[0] == "torch":
                    known[a.asname or "torch"] = a.name if a.asname else "torch"
                    yield a.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.partition(".")[0] == "torch" and not node.level:
                for a in node.names:
                    full = module if a.name == "*" else f"{module}.{a.name}"
                    known[a.asname or a.name] = full
                    yield full, node.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (full := _dotted(node, known)):
            yield full, node.lineno


def _dotted(node: ast.expr, known: dict[str, str]) -> str:
    """`nn.Linear` as "torch.nn.Linear"; "" for what does not begin with a name of torch."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in known:
        return ""
    return ".".join([known[node.id], *reversed(parts)])


def _first_absent(full: str) -> str:
    """The name itself, or what it is an attribute of, if tapegrad lacks that; "" if it is there."""
    _, *parts = full.split(".")
    here: Any = import_module("tapegrad")
    name = "torch"
    for part in parts:
        if not isinstance(here, ModuleType):
            return ""  # an attribute of a class or a value: the run will tell
        name += f".{part}"
        try:
            here = getattr(here, part)
        except (AttributeError, ImportError):  # ImportError: one that needs a package which is not there
            try:
                here = import_module(f"{here.__name__}.{part}")
            except ImportError:
                return name
    return ""
