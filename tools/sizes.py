"""The size budget: lines per package, files over 500 lines, functions over 40. `python -m tools.sizes`
reports."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILE, FUNCTION = 500, 40


def long_functions(path: Path) -> list[tuple[str, int]]:
    """Functions longer than the limit, with their lines; a function's docstring and the functions inside it
    do not count."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            n = _own_lines(node)
            if n > FUNCTION:
                found.append((node.name, n))
    return found


def _own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) and inner is not node:
            lines -= (inner.end_lineno or inner.lineno) - inner.lineno
    return lines


def main() -> int:
    """Print the report; the exit status is 1 if a file or a function is over its limit."""
    lines: Counter[str] = Counter()
    over = []
    for folder in ("tapegrad", "tools", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            n = len(path.read_text(encoding="utf-8").splitlines())
            relative = path.relative_to(ROOT)
            lines["/".join(relative.parts[:2]) if len(relative.parts) > 2 else relative.parts[0]] += n
            if n > FILE:
                over.append(f"{relative}: {n} lines, the limit is {FILE}")
            over += [
                f"{relative}: {name} has {k} lines, the limit is {FUNCTION}"
                for name, k in long_functions(path)
            ]
    for name, n in sorted(lines.items()):
        sys.stdout.write(f"{n:6d}  {name}\n")
    sys.stdout.write(f"{sum(lines.values()):6d}  in all\n")
    for line in over:
        sys.stderr.write(f"sizes: {line}\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
