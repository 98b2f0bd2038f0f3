"""The calls of all rows of samples, as text with places for tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from tapegrad.testing.samples import ROWS, Array, Call, Form, Name, Row, complex_numbers, matrices, special

MOST = 32  # elements of a sample's tensors
# Rows whose results nobody promises, and why.
LEFT_OUT = {
    **dict.fromkeys([row.name for row in complex_numbers.ROWS], "what is moved and compared here is real"),
    "empty": "uninitialised values",
    "empty_like": "uninitialised values",
    "stride": "strides of results are no promise",
    "is_contiguous": "strides of results are no promise",
    "dim_order": "strides of results are no promise",
    **dict.fromkeys(
        ("rand_like", "randn_like", "normal", "bernoulli", "uniform_", "normal_", "random_", "bernoulli_"),
        "draws go along memory, and the strides of results are no promise",
    ),
    "exponential_": "draws go along memory, and the strides of results are no promise",
    **dict.fromkeys(
        [row.name for row in matrices.ROWS],
        "a result has few digits, or none, where the matrix is nearly singular, as random programs make it",
    ),
    **dict.fromkeys(
        [row.name for row in special.ROWS], "near their zeros few digits agree; see test_special"
    ),
    "binomial": "torch's does not end where the probability is nan",
    "numpy": "it would let NumPy write without torch's knowing",
    "from_numpy": "it would let NumPy write without torch's knowing",
    "as_tensor": "it would let NumPy write without torch's knowing",
    "asarray": "it would let NumPy write without torch's knowing",
}


# Rows whose in-place forms deviations.py speaks of: torch forgets to note the write in the target's graph.
UNNOTED = ("eq", "ne", "lt", "le", "gt", "ge", "logical_not", "logical_and", "logical_or", "logical_xor")


class Ref(str):
    """An expression that stands for itself in the text of a call."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Template(NamedTuple):
    """One way to call a row's op, on one of its samples."""

    row: Row
    form: Form
    call: Call

    def text(self, put: Callable[[Array], Ref]) -> str:
        """The call as text, with put(array) for each tensor argument."""
        filled = self.call.map(Array, put).map(Name, lambda n: Ref(f"torch.{n.name}"))
        args, named = [repr(x) for x in filled.args], [f"{k}={x!r}" for k, x in filled.kwargs.items()]
        kind, _, name = self.form.name.partition(".")
        if self.row.name == "getitem":
            return f"{args[0]}[{args[1]}]"
        if self.row.name == "setitem":
            return f"{args[0]}[{args[1]}] = {args[2]}"
        if self.row.how is not None:
            return f"ROWS[{self.row.name!r}].how({', '.join(['torch', *args, *named])})"
        if kind == "Tensor":
            return f"{args[0]}.{name}({', '.join([*args[1:], *named])})"
        start = "torch.nn" if kind == "nn" else kind
        return f"{start}.{name}({', '.join([*args, *named])})"

    @property
    def on_float(self) -> bool:
        """Whether the first argument is a floating point tensor."""
        return bool(self.call.args) and isinstance(self.call.args[0], Array) and self.call.args[0].is_float


@cache
def templates(kind: str) -> tuple[tuple[Template, ...], ...]:
    """For each row of a kind (smooth, other, writer) its calls: of smooth ones there is a derivative."""
    found = []
    for row in ROWS.values():
        forms = list(row.writers() if kind == "writer" else row.forms())
        out = row.name in LEFT_OUT or (kind == "writer" and row.name in UNNOTED)
        if not out and (kind == "writer" or row.derivative == (kind == "smooth")):
            found.append(tuple([Template(row, f, c) for f in forms for c in _calls(row) if f.takes(c)]))
    return tuple([calls for calls in found if calls])


def _calls(row: Row) -> Sequence[Call]:
    return [c for c in row.samples if all(_fits(a) for a in c.arrays()) and "<" not in repr(c)]


def _fits(a: Array) -> bool:
    size = 1
    for n in a.shape:
        size *= n
    return a.dtype not in ("float16", "complex64", "complex128") and size <= MOST
