"""K: arrays in, arrays out. The namespace in which rules run during a plain backward."""

from typing import Any

from numpy import abs, cos, exp, log, sin

from tapegrad.kernels.complex_numbers import (
    complex,
    conj,
    imag,
    is_complex,
    not_negative,
    real,
    sgn,
    slope_of_abs,
)
from tapegrad.kernels.factor import solve_triangular as solved_triangle
from tapegrad.kernels.factor import triangle
from tapegrad.kernels.labelled import contract
from tapegrad.kernels.labelled import cross as vector_product
from tapegrad.kernels.lapack import solve as solved
from tapegrad.kernels.linalg import matmul, mm, mv, outer
from tapegrad.kernels.operators import div, eq, mul, sub
from tapegrad.kernels.pointwise import blank, gate, inside, power, sign, where, zeros_like
from tapegrad.kernels.pointwise import floor_divide as floor_quotient
from tapegrad.kernels.reduce import mean, sum, unreduce
from tapegrad.kernels.shape import (
    cat,
    expand,
    fetch,
    getitem,
    mT,
    permute,
    putitem,
    reshape,
    stack,
    sum_rows,
    sum_to,
    transpose,
    without,
)
from tapegrad.kernels.shape import converted as cast

records = False


def apply(op: Any, x: Any, *args: Any) -> Any:
    """An op on an array."""
    return op.forward(x, *args)


missing: Any = None  # (name) -> function or None; set by the layer that knows the ops


def __getattr__(name: str) -> Any:
    """What has no kernel of its own: the op of that name, on arrays."""
    f = missing(name) if missing is not None else None
    if f is None:
        raise AttributeError(f"K: there is no kernel or operation {name!r}.")
    globals()[name] = f
    return f


__all__ = [
    "abs",
    "apply",
    "blank",
    "cast",
    "cat",
    "complex",
    "conj",
    "contract",
    "cos",
    "div",
    "eq",
    "exp",
    "expand",
    "fetch",
    "floor_quotient",
    "gate",
    "getitem",
    "imag",
    "inside",
    "is_complex",
    "log",
    "mT",
    "matmul",
    "mean",
    "mm",
    "mul",
    "mv",
    "not_negative",
    "outer",
    "permute",
    "power",
    "putitem",
    "real",
    "records",
    "reshape",
    "sgn",
    "sign",
    "sin",
    "slope_of_abs",
    "solved",
    "solved_triangle",
    "stack",
    "sub",
    "sum",
    "sum_rows",
    "sum_to",
    "transpose",
    "triangle",
    "unreduce",
    "vector_product",
    "where",
    "without",
    "zeros_like",
]
