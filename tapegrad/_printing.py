"""The text of a tensor, equal to torch's character for character, from a NumPy array and a few facts.

The way of an array to its text: `_shown` picks the entries at the edges, `_cells` writes each of them once,
at a common width, `_nest` folds the flat list of cells into brackets, innermost axis first, and `_close`
appends the facts that the numbers do not show. Nothing here knows Tensors.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import compress
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapegrad.dtypes import FLOATING, get_default_dtype

__all__ = ["PrintOptions", "get_printoptions", "printoptions", "set_printoptions", "tensor_text"]


@dataclass(frozen=True, slots=True)
class PrintOptions:
    """How tensors are written: digits, when and how much to leave out, line length, scientific notation.

    Ranges: precision, threshold, edgeitems >= 0; linewidth in characters; sci_mode None lets values decide.
    Source: the arguments of torch.set_printoptions.
    """

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES: dict[str | None, PrintOptions] = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}
_options = PrintOptions()  # replaced as a whole, so that a reader in another thread never sees half a change
_lock = Lock()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors are written, for all threads: first the profile, then each argument that is not None.

    As in torch, a call without sci_mode resets it to None, and a name that is no profile changes nothing.
    Ranges: see PrintOptions; profile is "default", "short" or "full".
    Source: torch.set_printoptions.
    """
    global _options
    names = ("precision", "threshold", "edgeitems", "linewidth")
    values = (precision, threshold, edgeitems, linewidth)
    given: dict[str, Any] = {n: v for n, v in zip(names, values, strict=True) if v is not None}
    with _lock:
        _options = replace(_PROFILES.get(profile, _options), sci_mode=sci_mode, **given)


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments of set_printoptions.

    Source: torch._tensor_str.get_printoptions.
    """
    return asdict(_options)


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Sets options as set_printoptions does and puts the old ones back at the end of the with block.

    Raises: TypeError for a name that is no option.
    Source: torch._tensor_str.printoptions.
    """
    global _options
    before = _options
    set_printoptions(**options)
    try:
        yield
    finally:
        _options = before


def tensor_text(
    array: NDArray[Any],
    *,
    dtype_name: str,
    default_dtype_name: str,
    suffixes: Sequence[str] = (),
    prefix: str = "tensor(",
) -> str:
    """The repr of a tensor with these values and with suffixes, such as "requires_grad=True", behind them.

    dtype_name is a bare name, such as "float32"; one that NumPy lacks (bfloat16) comes with float32 values.
    Shapes: any array of bool, integer, float or complex, 0-d and empty ones too.
    Raises: ValueError for a negative precision, when a value needs it.
    Source: torch.Tensor.__repr__.
    """
    options = _options
    body = _body(array, len(prefix), options) if array.size else "[]"
    facts = [*_facts(array, dtype_name, default_dtype_name, options), *suffixes]
    return _close(prefix + body, facts, len(prefix), options.linewidth)


def _body(array: NDArray[Any], indent: int, options: PrintOptions) -> str:
    """The brackets and numbers of a non-empty array whose first bracket stands at column indent."""
    edge = options.edgeitems
    clip = array.ndim > 0 and array.size > options.threshold
    if clip and not edge:
        return "[...]"
    shown = _shown(array, edge) if clip else array
    cells, width = _cells(shown.reshape(-1), options)
    if not array.ndim:
        return cells[0]
    # A line takes as many cells as fit from the innermost bracket on, each counted with its ", ".
    per_line = max(1, int((options.linewidth - indent - array.ndim + 1) // (width + 2)))
    gaps = [edge if shown.shape[axis] < size else None for axis, size in enumerate(array.shape)]
    return _nest(cells, shown.shape, gaps, indent, per_line)


def _shown(array: NDArray[Any], edge: int) -> NDArray[Any]:
    """The entries within edge of both ends of every axis: one small copy, however large the array is."""
    kept = [np.r_[:size] if size <= 2 * edge else np.r_[:edge, size - edge : size] for size in array.shape]
    shown: NDArray[Any] = array[np.ix_(*kept)]
    return shown


def _cells(flat: NDArray[Any], options: PrintOptions) -> tuple[list[str], int]:
    """Every value's text, aligned, and the width that line filling counts for one.

    From here on values are Python numbers: their arithmetic is double, as in torch, and never warns.
    """
    if flat.dtype.kind == "c":
        return _complex_cells(flat.real.tolist(), flat.imag.tolist(), options)
    if flat.dtype.kind in FLOATING:
        return _float_cells(flat.tolist(), options)
    texts = [str(value) for value in flat.tolist()]
    width = max(map(len, texts))
    return [text.rjust(width) for text in texts], width


def _float_cells(values: list[float], options: PrintOptions) -> tuple[list[str], int]:
    """Cells of floats. Zeros, infs and nans have no say in notation and width, so they may stick out."""
    ordinary = [value != 0 and math.isfinite(value) for value in values]
    write = _notation([abs(value) for value in compress(values, ordinary)], options)
    texts = [write(value) for value in values]
    width = max(map(len, compress(texts, ordinary)), default=1)
    return [text.rjust(width) for text in texts], width


def _complex_cells(re: list[float], im: list[float], options: PrintOptions) -> tuple[list[str], int]:
    """Cells of complex numbers: each part has its own notation and width, and only real parts are padded.

    As in torch, the width has no place for the sign between the parts, so lines are filled a little too far.
    """
    reals, real_width = _float_cells(re, options)
    imags, imag_width = _float_cells(im, options)
    texts = [
        f"{real}{imag}j" if imag.startswith("-") else f"{real}+{imag}j"
        for real, imag in zip(reals, map(str.lstrip, imags), strict=True)
    ]
    return texts, real_width + imag_width + 1


def _notation(sizes: list[float], options: PrintOptions) -> Callable[[float], str]:
    """The one way to write all values of a tensor whose non-zero finite magnitudes are sizes."""
    if not sizes:
        return _whole  # even if sci_mode is True
    low, high = min(sizes), max(sizes)
    scientific = options.sci_mode
    if scientific is None:
        scientific = high / low > 1e3 or high > 1e8 or low < 1e-4
    if scientific:
        return f"{{:.{options.precision}e}}".format
    if all(size.is_integer() for size in sizes):
        return _whole
    return f"{{:.{options.precision}f}}".format


def _whole(value: float) -> str:
    """A float without decimals; the bare point tells it from an int, which nan and inf do not need."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"


def _nest(
    cells: list[str], shape: Sequence[int], gaps: Sequence[int | None], indent: int, per_line: int
) -> str:
    """The cells of an array of this shape in nested brackets; "..." stands before entry gaps[axis]."""
    innermost = len(shape) - 1
    blocks = cells
    for axis in range(innermost, -1, -1):
        inner, size, gap = axis == innermost, shape[axis], gaps[axis]
        # Blocks of d dimensions are d - 1 empty lines apart, under the first one; rows of cells just wrap.
        newline = "," + "\n" * max(1, innermost - axis) + " " * (indent + axis + 1)
        groups = [blocks[start : start + size] for start in range(0, len(blocks), size)]
        if gap is not None:
            groups = [[*group[:gap], " ..." if inner else "...", *group[gap:]] for group in groups]
        blocks = [f"[{newline.join(_lines(group, per_line) if inner else group)}]" for group in groups]
    return blocks[0]


def _lines(cells: list[str], per_line: int) -> list[str]:
    """The cells, per_line of them joined at a time."""
    return [", ".join(cells[start : start + per_line]) for start in range(0, len(cells), per_line)]


def _facts(array: NDArray[Any], dtype_name: str, default_name: str, options: PrintOptions) -> Iterator[str]:
    """What the body leaves open: the size if no entries show it, the dtype if they do not imply it."""
    implied = {default_name}
    if array.size:
        sized = not options.edgeitems
        complex_name = "complex128" if default_name == "float64" else "complex64"
        implied |= {complex_name, "int64", "bool"}
    else:
        sized = array.ndim != 1
    if sized:
        yield f"size={array.shape}"
    if dtype_name not in implied:
        yield f"dtype=torch.{dtype_name}"


def _close(text: str, facts: Sequence[str], indent: int, linewidth: int) -> str:
    """The text with facts appended and the bracket closed; a fact too long for the line starts a new one."""
    parts = [text]
    column = len(text) - text.rfind("\n") + 1  # two more than the last line holds: torch wraps that early
    for fact in facts:
        column += len(fact) + 2
        if column > linewidth:
            parts.append(",\n" + " " * indent + fact)
            column = indent + len(fact)
        else:
            parts.append(", " + fact)
    return "".join(parts) + ")"


def text(t: Any, prefix: str = "tensor(") -> str:
    """The repr of t, as torch prints it."""
    if not isinstance(t._a, (np.ndarray, np.generic)):  # inside a transform
        return repr(t._a)
    suffixes = []
    try:
        if t.grad_fn is not None:
            suffixes.append(f"grad_fn=<{t.grad_fn.name()}>")
        elif t.requires_grad:
            suffixes.append("requires_grad=True")
    except RuntimeError:  # a view whose gradient nobody knows
        suffixes.append("grad_fn=<Invalid>")
    return tensor_text(
        np.asarray(t._a),
        dtype_name=t.dtype.name,
        default_dtype_name=get_default_dtype().name,
        suffixes=suffixes,
        prefix=prefix,
    )
