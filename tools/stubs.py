"""Type stubs from the registry: what editors and mypy know of functions and methods that are made at run
time.

python -m tools.stubs           writes tapegrad/__init__.pyi and tapegrad/_methods.pyi
python -m tools.stubs --check   exits 1 if they are not up to date
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import GenericAlias, UnionType
from typing import Any

import tapegrad
from tapegrad import autograd, dtypes
from tapegrad.legacy import TYPES
from tapegrad.ops import methods as bound
from tapegrad.public import FUNCTIONS, PROPERTIES
from tapegrad.tensor import Tensor

PACKAGE = Path(tapegrad.__file__).parent
NUMBER = "int | float | complex"
# Names that annotations in the package use and a stub does not know.
ALIASES = {
    "Number": NUMBER,
    "Dims": "int | Sequence[int] | None",
    "ndarray": "Any",
    "Tensors": "Tensor | Sequence[Tensor]",
}
HEAD = '''"""Made by tools/stubs.py from the registry of operations. Do not edit."""

'''
RESULTS = "from tapegrad.ops.results import Extremes, Histogram, Range, Scaled"
legacy_type = type(TYPES["FloatTensor"])
MODULES = [
    "amp",
    "distributed",
    "hub",
    "jit",
    "multiprocessing",
    "onnx",
    "profiler",
    "accelerator",
    "autograd",
    "backends",
    "cpu",
    "cuda",
    "distributions",
    "func",
    "mps",
    "nn",
    "optim",
    "return_types",
    "serialization",
    "random",
    "types",
    "utils",
    "version",
    "viz",
    "xpu",
]
import_module("tapegrad.ops.networks")  # which offers its functions only then
# Namespaces whose functions come from the files of ops, and the modules that have them.
SPACES = {name: name for name in FUNCTIONS if name} | {"nn": "nn/functional"}
# Tensor has methods, and the package dtypes, of these names.
BUILTINS = ("bool", "complex", "float", "int")
COMPARISONS = {"__eq__", "__ne__"}
UNARY = {"__neg__", "__pos__", "__abs__", "__invert__"}


def signature(f: Any, method: bool) -> str:
    """The parameters of f and what it returns, as a stub writes them; a method's first parameter is self."""
    f = getattr(f, "function", f)
    if type(getattr(f, "op", None)).__name__ == "Op" and f.op.kind == "elementwise" and hasattr(f, "ufunc"):
        return _elementwise(f, method)
    sig = inspect.signature(f)
    parts, star = [], False
    for i, p in enumerate(sig.parameters.values()):
        if method and i == 0:
            parts.append("self")
            continue
        if p.kind is p.VAR_KEYWORD:
            parts.append(f"**{p.name}: {_type(p.annotation, f)}")
            continue
        if p.kind is p.VAR_POSITIONAL:
            star = True
            parts.append(f"*{p.name}: {_type(p.annotation, f)}")
            continue
        if p.kind is p.KEYWORD_ONLY and not star:
            star = True
            parts.append("*")
        default = "" if p.default is p.empty else " = ..."
        parts.append(f"{p.name}: {_type(p.annotation, f)}{default}")
    return f"({', '.join(parts)}) -> {_type(sig.return_annotation, f)}"


def _elementwise(f: Any, method: bool) -> str:
    names = list(inspect.signature(f).parameters)
    first = "self" if method else "input: Tensor" if "other" not in names else f"input: Tensor | {NUMBER}"
    other = f", other: Tensor | {NUMBER}" if "other" in names else ""
    return f"({first}{other}, *, out: Tensor | None = ...) -> Tensor"


def _type(annotation: Any, f: Any) -> str:
    """An annotation of f, without the short names for types that f's file has."""
    if annotation is inspect.Parameter.empty:
        return "Any"
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    for name in re.findall(r"\b[A-Z]\w+\b", text):
        meaning = getattr(inspect.unwrap(f), "__globals__", {}).get(name)
        if name not in ALIASES and isinstance(meaning, UnionType | GenericAlias):
            text = re.sub(rf"\b{name}\b", str(meaning), text)
    for alias, meaning in ALIASES.items():
        text = re.sub(rf"\b{alias}\b", meaning, text)
    return text


def methods_stub() -> str:
    """The class that Tensor gets its methods from, as a stub."""
    lines = [
        HEAD + "from collections.abc import Callable, Iterator, Sequence",
        "from typing import Any",
        "",
        "from tapegrad.autograd.hooks import RemovableHandle",
        "from tapegrad.ops.memory import UntypedStorage",
        "from tapegrad.ops.random import Generator",
        RESULTS,
        "from tapegrad.tensor import Tensor",
        "",
        "class TensorMethods:",
    ]
    lines += ["    " + _method(name, f) for name, f in sorted(bound.methods().items())]
    lines += [f"    def {name}{signature(f, True)}: ..." for name, f in sorted(autograd.METHODS.items())]
    getters = {n: f.fget if isinstance(f, property) else f for n, f in PROPERTIES.items()}
    properties = {n: inspect.signature(f).return_annotation for n, f in getters.items()}
    for name, kind in sorted((properties | {"output_nr": "int", "retains_grad": "bool"}).items()):
        lines.append(f"    @property\n    def {name}(self) -> {kind}: ...")
        if isinstance(p := PROPERTIES.get(name), property) and p.fset is not None:
            lines.append(f"    @{name}.setter\n    def {name}(self, value: Any) -> None: ...")
    return "\n".join(lines) + "\n"


def _method(name: str, f: Any) -> str:
    if name == "__getitem__":
        return f"def {name}(self, at: Any) -> Tensor: ..."
    if name == "__setitem__":
        return f"def {name}(self, at: Any, value: Any) -> None: ..."
    if name == "__iter__":
        return f"def {name}(self) -> Iterator[Tensor]: ..."
    if name in UNARY:
        return f"def {name}(self) -> Tensor: ..."
    if name in COMPARISONS:
        return f"def {name}(self, other: object) -> Tensor: ...  # type: ignore[override] # elementwise"
    if name.startswith("__"):
        return f"def {name}(self, other: Any) -> Tensor: ..."
    return f"def {name}{signature(f, True)}: ..."


def package_stub() -> str:
    """The package's public names, as a stub."""
    lines = [
        HEAD + "from collections.abc import Callable, Sequence",
        "from typing import Any",
        "",
        *[f"from tapegrad import {name} as {name}" for name in sorted({*SPACES, *MODULES})],
        "from tapegrad.func import vmap as vmap",
        "from tapegrad.profiling import profile as profile",
        "from tapegrad.viz import explain as explain",
        RESULTS,
    ]
    functions, constants = [], []
    for name in sorted(set(tapegrad.__all__) - {"explain", "profile", "vmap", *SPACES, *MODULES}):
        value = getattr(tapegrad, name)
        if isinstance(value, dtypes.dtype):
            constants.append(f"{name}: dtype")
        elif isinstance(value, legacy_type):
            constants.append(f"{name}: type[Tensor]")
        elif inspect.isclass(value):
            lines.append(f"from {value.__module__} import {value.__name__} as {name}")
        elif callable(value) and not hasattr(value, "_stream"):
            functions.append(f"def {name}{signature(value, False)}: ...")
        else:
            constants.append(f"{name}: {'None' if value is None else type(value).__name__}")
    return "\n".join([*lines, "", *constants, "", *functions, "__all__: list[str]\n"])


def space_stub(space: str) -> str:
    """The functions of one namespace, such as `linalg`, as a stub."""
    lines = [
        HEAD + "from collections.abc import Callable, Sequence",
        "from typing import Any",
        "",
        "from tapegrad.dtypes import dtype",
        "from tapegrad.ops.random import Generator",
        "from tapegrad.tensor import Tensor",
        "",
    ]
    lines += [f"def {name}{signature(f, False)}: ..." for name, f in sorted(FUNCTIONS[space].items())]
    return "\n".join([*lines, "__all__: list[str]\n"])


def formatted(text: str) -> str:
    """`text` with the hidden builtins under other names, as ruff formats a stub."""
    head, _, body = text.partition("\n\n")
    names = f"({'|'.join(BUILTINS)})"
    body = re.sub(rf"(?<=[:\[|>] )\b{names}\b|(?<=\[){names}\b|(?<=, ){names}(?=\])", _hidden, body)
    text = f"{head}\n\nimport builtins\n{body}"
    checked = _ruff(text, "check", "--select", "F401,I", "--fix", "-q")
    return _ruff(checked, "format")


def _ruff(text: str, *command: str) -> str:
    run = [sys.executable, "-m", "ruff", *command, "--stdin-filename", "stub.pyi", "-"]
    return subprocess.run(run, input=text, capture_output=True, text=True, check=False).stdout


def _hidden(match: re.Match[str]) -> str:
    return f"builtins.{match.group()}"


def main(arguments: list[str]) -> int:
    """Write the stubs, or check them."""
    stale = []
    for path, text in (
        (PACKAGE / "__init__.pyi", package_stub()),
        (PACKAGE / "_methods.pyi", methods_stub()),
        *[(PACKAGE / f"{path}.pyi", space_stub(space)) for space, path in SPACES.items()],
    ):
        new = formatted(text)
        if not path.exists() or path.read_text() != new:
            stale.append(path.name)
            if "--check" not in arguments:
                path.write_text(new)
    if stale and "--check" in arguments:
        sys.stderr.write(f"stubs: {', '.join(stale)} is out of date; run: python -m tools.stubs\n")
        return 1
    return 0


if __name__ == "__main__":
    assert Tensor is not None
    sys.exit(main(sys.argv[1:]))
