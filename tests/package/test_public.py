"""Every public name says what it does, and with which arguments; the stubs know it."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tapegrad
from tapegrad import public

PACKAGE = Path(tapegrad.__file__).parent
# Forms that no one signature has, as torch's own documentation lists them; the constructor has them too.
FORMS = {"Tensor.make", "Tensor.to", "Tensor.view"}


def offered() -> Iterator[tuple[str, Any]]:
    """Functions, methods and properties by their full names."""
    for space, functions in public.FUNCTIONS.items():
        owner = f"torch.{space}." if space else "torch."
        yield from ((owner + name, f) for name, f in functions.items())
    for name in public.WRITERS:
        yield f"torch.{name}", getattr(tapegrad, name)
    for name in (*public.METHODS, *public.IN_PLACE, *public.PROPERTIES):
        yield f"Tensor.{name}", getattr(tapegrad.Tensor, name)
    for name in dir(tapegrad.Tensor):
        if not name.startswith("_") and hasattr(tapegrad.Tensor, name):  # some say why they are absent
            yield f"Tensor.{name}", getattr(tapegrad.Tensor, name)


OFFERED = dict(offered())


def test_all_have_docstrings() -> None:
    bare = [name for name, f in OFFERED.items() if not inspect.getdoc(f)]
    assert bare == []


def test_all_have_signatures() -> None:
    vague = []
    for name, f in OFFERED.items():
        if not callable(f) or name in FORMS:
            continue
        kinds = {p.kind for p in inspect.signature(f).parameters.values()}
        if {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds:
            vague.append(name)
    assert vague == []


def test_a_form_in_place_has_the_arguments_of_its_function() -> None:
    assert str(inspect.signature(tapegrad.Tensor.addcmul_)).startswith("(self: 'Tensor', tensor1: ")
    bound = inspect.signature(tapegrad.zeros(2).clamp_)
    assert list(bound.parameters) == ["min", "max"]
    assert bound == inspect.signature(tapegrad.zeros(3).clamp_)
    with pytest.raises(TypeError):
        inspect.signature(tapegrad.Tensor.abs_).bind(1, out=2)


def names_in(stub: str, owner: str = "") -> set[str]:
    """What a stub defines, imports or annotates: at its top, or in a class."""
    body: list[Any] = ast.parse((PACKAGE / stub).read_text()).body
    if owner:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == owner)
    found: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {a.asname or a.name for a in node.names}
        elif isinstance(node, ast.Assign):
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return found


def test_the_stubs_know_them() -> None:
    methods = names_in("_methods.pyi", "TensorMethods") | names_in("tensor.py", "Tensor")
    tops = {space: names_in(f"{space or '__init__'}.pyi") for space in ("", "fft", "linalg", "special")}
    unknown = []
    for name in OFFERED:
        owner, _, last = name.rpartition(".")
        known = methods if owner == "Tensor" else tops.get(owner.removeprefix("torch").lstrip("."))
        if known is not None and last not in known:  # torch.nn has no stub
            unknown.append(name)
    assert unknown == []
    assert set(tapegrad.__all__) <= tops[""]


def test_functions_of_networks_are_named_before_they_load() -> None:
    """`_OF_NETWORKS` is all that the files of networks offer to the package; they load with the first use."""
    program = (
        "import tapegrad, sys\n"
        "before = set(tapegrad.FUNCTIONS[''])\n"
        "assert 'tapegrad.ops.networks' not in sys.modules\n"
        "tapegrad.conv2d\n"
        "offered = set(tapegrad.FUNCTIONS['']) - before\n"
        "assert offered == set(tapegrad._OF_NETWORKS), offered ^ set(tapegrad._OF_NETWORKS)\n"
        "assert offered <= set(vars(tapegrad))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert not done.stderr
