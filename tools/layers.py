"""Imports go only downward through the layers of docs/architecture.md. `python -m tools.layers` says
where they do not."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "tapegrad"

# A module belongs to the first prefix that matches. Within one layer modules may import each other, but not
# in cycles.
LAYERS: list[tuple[str, int]] = [
    ("_methods", 0),
    ("_errors", 0),
    ("_state", 0),
    ("_files", 0),
    ("_printing", 0),
    ("_tables", 0),
    ("_pytree", 0),
    ("absent", 0),
    ("dtypes", 0),
    ("devices", 0),
    ("data", 0),
    ("kernels", 1),
    ("native", 1),
    ("levels", 2),
    ("rare", 2),
    ("reach", 2),
    ("writes", 2),
    ("naming", 2),
    ("stale", 2),
    ("sums", 2),
    ("tape", 2),
    ("observers", 2),
    ("public", 2),
    ("layouts", 2),
    ("views", 2),
    ("memory", 2),
    ("tensor", 2),
    ("promotion", 3),
    ("domains", 3),
    ("define", 3),
    ("ops", 4),
    ("profiling", 5),
    ("profiler", 5),
    ("storage", 5),
    ("accelerator", 5),
    ("backends", 5),
    ("cpu.amp", 6),
    ("cpu", 5),
    ("cuda.amp", 6),
    ("cuda", 5),
    ("mps", 5),
    ("xpu", 5),
    ("version", 5),
    ("distributed", 5),
    ("multiprocessing", 5),
    ("onnx", 5),
    ("amp", 6),
    ("jit", 6),
    ("settings", 5),
    ("tiers", 5),
    ("legacy", 5),
    ("fft", 5),
    ("linalg", 5),
    ("special", 5),
    ("return_types", 5),
    ("random", 5),
    ("types", 5),
    ("func", 5),
    ("autograd", 5),
    ("distributions", 6),
    ("nn", 6),
    ("optim", 6),
    ("serialization", 6),
    ("hub", 6),
    ("utils", 6),
    ("viz", 6),
    ("testing", 6),
    ("cli", 7),
    ("__init__", 7),
    ("__main__", 8),
]
# These never reach below the operations: what they need is on Tensors, in ops or in autograd.
NEVER = {"optim": ("kernels", "tape", "writes"), "viz": ("kernels", "tape", "writes", "views", "define")}


def layer(module: str) -> int:
    """The layer of a module, named without the package. Raises: ValueError if no layer is given."""
    for prefix, number in LAYERS:
        if module == prefix or module.startswith(f"{prefix}."):
            return number
    raise ValueError(f"layers: {module} has no layer; add it to tools/layers.py.")


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, the package's own name left out."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the package that a file imports when it is loaded (not inside functions, not for
    type checking)."""
    found: set[str] = set()
    stack: list[ast.AST] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            stack += node.orelse
            continue
        if isinstance(node, ast.Import):
            names = {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` loads the module; `from module import name` loads the module too
            names = {_loaded(node.module, a.name, known) for a in node.names}
        else:
            names = set()
            stack += list(ast.iter_child_nodes(node))
        own = {n for n in names if n == "tapegrad" or n.startswith("tapegrad.")}  # Python has a `types`, too
        found |= {"__init__" if n == "tapegrad" else n.removeprefix("tapegrad.") for n in own} & set(known)
    return found


def _loaded(module: str, name: str, known: dict[str, Path]) -> str:
    inner = f"{module}.{name}"
    return inner if inner.removeprefix("tapegrad.") in known else module


def problems() -> list[str]:
    """One line per import that goes upward, reaches too deep, or closes a cycle."""
    known = modules()
    graph = {name: imports(path, known) - {name} for name, path in known.items()}
    found = []
    for name, targets in graph.items():
        for target in sorted(targets):
            if layer(target) > layer(name):
                found.append(
                    f"{name} (layer {layer(name)}) imports {target} (layer {layer(target)}), which is "
                    "above it"
                )
            top = name.partition(".")[0]
            if target.partition(".")[0] in NEVER.get(top, ()):
                found.append(f"{name} imports {target}; {top} must not know it")
    return found + [f"import cycle: {' -> '.join(c)}" for c in cycles(graph)]


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Import cycles between modules; a package's own __init__ may import its modules, which do not import
    it back."""
    done: set[str] = set()
    found = []
    for start in sorted(graph):
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(name)
                continue
            if name in path:
                found.append([*path[path.index(name) :], name])
                continue
            if name in done:
                continue
            path.append(name)
            stack.append((name, True))
            stack += [(t, False) for t in sorted(graph[name])]
    return found


def main() -> int:
    """Print the problems; the exit status says whether there are any."""
    found = problems()
    for line in found:
        sys.stderr.write(f"layers: {line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
