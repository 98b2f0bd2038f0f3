"""What torch offers for dense tensors, and what is here: same, deviates (and how), absent (and why).

python -m tools.parity           writes docs/parity.md
python -m tools.parity --check   exits 1 if the page is out of date or a name is absent without a reason
python -m tools.parity --list    prints the names that are absent without a reason

Names are torch's own: functions that its overrides list, methods of its Tensor. Arguments are compared with
torch's stubs. Results are compared by the tests, over the samples of every op.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import tapegrad
from tapegrad.absent import absence
from tools.parity_reasons import ARGUMENTS, DEVIATES, OPEN

PAGE = Path(__file__).parent.parent / "docs" / "parity.md"
SPACES = ("torch", "Tensor", "torch.linalg", "torch.fft", "torch.special")

HEAD = """# Parity with torch {version}

Made by `make parity`; do not edit. Every public function of `torch`, `torch.linalg`, `torch.fft` and
`torch.special`, and every method and attribute of `Tensor`, is in one of three lists: it is here and does the
same, it is here and deviates, or it is absent. Results are compared by the tests over the samples of every
op (`tapegrad/testing/samples`); this page compares names and arguments. What torch's documentation leaves
open, such as the order of equal elements, counts as the same and has a list of its own.

"""


class Entry(NamedTuple):
    """One name: where it is, and "same", "deviates" or "absent", with what is to say about it."""

    space: str
    name: str
    status: str
    why: str


def torchs_names(torch: Any, space: str) -> list[str]:
    """The public names of one space that are functions or, of Tensor, anything."""
    if space == "Tensor":
        return [n for n in dir(torch.Tensor) if not n.startswith("_")]
    from torch.overrides import get_ignored_functions, get_testing_overrides

    module = torch if space == "torch" else getattr(torch, space.partition(".")[2])
    known = get_testing_overrides().keys() | get_ignored_functions()
    found = []
    for name in dir(module):
        f = getattr(module, name)
        function = callable(f) and not inspect.isclass(f) and not isinstance(f, ModuleType)
        if function and not name.startswith("_") and (module is not torch or f in known):
            found.append(name)
    return found


@cache
def _overloads(file: str) -> dict[str, list[list[str]]]:
    """The parameters of each function (of Tensor's methods too) in one of torch's stubs, per overload."""
    import torch

    path = Path(torch.__file__).parent / "_C" / file
    found: dict[str, list[list[str]]] = defaultdict(list)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        body = node.body if isinstance(node, ast.Module) or _is_tensor_base(node) else []
        for f in body:
            if isinstance(f, ast.FunctionDef):
                every = (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs)
                found[f.name].append([a.arg for a in every if a.arg != "self"])
    return found


def _is_tensor_base(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == "TensorBase"


def missing_arguments(space: str, name: str, f: Any) -> list[str]:
    """The names of torch's arguments that ours does not take."""
    file = {"torch": "_VariableFunctions.pyi", "Tensor": "__init__.pyi"}.get(space)
    if file is None or not callable(f):
        return []
    f = getattr(f, "function", f)
    try:
        mine = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return []
    if any(p.kind is p.VAR_KEYWORD for p in mine):
        return []
    known = {p.name for p in mine} | ({"input"} if space == "torch" else set())
    theirs = {a for overload in _overloads(file).get(name, []) for a in overload}
    return sorted(a for a in theirs - known if not re.fullmatch(ARGUMENTS, a))


def entries(torch: Any) -> Iterator[Entry]:
    """Every name with its status."""
    for space in SPACES:
        ours: Any = tapegrad
        for part in space.removeprefix("torch").split("."):
            ours = getattr(ours, part) if part else ours
        for name in torchs_names(torch, space):
            yield _entry(space, name, ours)


def _entry(space: str, name: str, ours: Any) -> Entry:
    full = f"{space}.{name}"
    if not hasattr(ours, name):
        known = absence(full)
        return Entry(space, name, "absent", known.why if known else "")
    if why := next((why for pattern, why in DEVIATES.items() if re.fullmatch(pattern, full)), ""):
        return Entry(space, name, "deviates", why)
    if missing := missing_arguments(space, name, getattr(ours, name)):
        return Entry(space, name, "deviates", f"does not take {', '.join(missing)}")
    chosen = next((how for pattern, how in OPEN.items() if re.fullmatch(pattern, full)), "")
    return Entry(space, name, "same", chosen)


def page(found: list[Entry], version: str) -> str:
    """The page."""
    lines = [HEAD.format(version=version), "| | same | deviates | absent |\n|---|---|---|---|\n"]
    for space in SPACES:
        counts = [sum(e.space == space and e.status == s for e in found) for s in _STATUSES]
        lines.append(f"| {space} | {' | '.join(map(str, counts))} |\n")
    for space in SPACES:
        names = ", ".join(f"`{e.name}`" for e in found if e.space == space and e.status == "same")
        lines.append(f"\n## {space}: same\n\n{textwrap.fill(names, 106, break_on_hyphens=False)}\n")
    lines.append("\n## Deviates\n\n| name | how |\n|---|---|\n")
    lines += [f"| `{e.space}.{e.name}` | {e.why} |\n" for e in found if e.status == "deviates"]
    lines.append("\n## What torch leaves open\n\n| name | how it is here |\n|---|---|\n")
    lines += [f"| `{e.space}.{e.name}` | {e.why} |\n" for e in found if e.status == "same" and e.why]
    lines.append("\n## Absent\n")
    absent: dict[str, list[str]] = defaultdict(list)
    for e in found:
        if e.status == "absent":
            absent[e.why or "not there yet"].append(f"`{e.space}.{e.name}`")
    for why, names in sorted(absent.items()):
        text = textwrap.fill(", ".join(names), 106, break_on_hyphens=False)
        lines.append(f"\n### {why[:1].upper()}{why[1:]}\n\n{text}\n")
    return "".join(lines)


_STATUSES = ("same", "deviates", "absent")


def main(arguments: list[str]) -> int:
    """Write the page, check it, or list what is missing."""
    try:
        import torch
    except ImportError:
        sys.stderr.write("parity: PyTorch is needed, to compare with; pip install '.[torch]'\n")
        return 2
    found = list(entries(torch))
    missing = [f"{e.space}.{e.name}" for e in found if e.status == "absent" and not e.why]
    if "--list" in arguments:
        sys.stdout.write("\n".join([*missing, ""]))
        return 0
    text = page(found, torch.__version__.partition("+")[0])
    if "--check" in arguments:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text
        if stale or missing:
            sys.stderr.write(f"parity: {'run make parity; ' * stale}absent without a reason: {missing}\n")
        return int(stale or bool(missing))
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
