"""torch's dtypes over NumPy's, and torch's promotion rules.

Source: torch's `tensor_attributes` page and `result_type`: a higher category (bool < integer < float <
complex) wins; within a category tensors with dimensions win over 0-d tensors, and those over Python numbers.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from tapegrad._state import default

BOOL, INTEGER, FLOAT, COMPLEX = range(4)

# What a dtype is, by NumPy's letters. bfloat16 is no type of NumPy's own, so its kind is "V", which nothing
# else that a tensor holds has.
FLOATING = "fV"  # kinds
INEXACT = "fVc"
REAL = "iufV"
NARROW = "eE"  # chars of float16 and bfloat16, with which is computed in float32
WHOLE = "?bBhHiIlLqQ"  # chars of integers and bool
OTHERS = "?bBhHiIlLqQeEFD"  # chars of all but float32 and float64


class dtype:
    """A tensor's element type: `torch.float32` and its siblings. There is one object for each.

    Attributes: `itemsize` in bytes, `is_floating_point`, `is_complex`, `is_signed`; and `numpy`, which
    bfloat16 gets when it is first used: it comes from a package that need not be there.
    """

    __slots__ = ("category", "is_complex", "is_floating_point", "is_signed", "itemsize", "name", "numpy")

    def __init__(self, name: str) -> None:
        self.name = name
        known = None if name == "bfloat16" else np.dtype(name)
        if known is not None:
            self.numpy = known
        kind, self.itemsize = ("V", 2) if known is None else (known.kind, known.itemsize)
        self.category = {"b": BOOL, "u": INTEGER, "i": INTEGER, "f": FLOAT, "V": FLOAT, "c": COMPLEX}[kind]
        self.is_floating_point = kind in FLOATING
        self.is_complex = kind == "c"
        self.is_signed = kind not in "bu"

    def __getattr__(self, name: str) -> Any:  # asked for what is not set
        if name != "numpy":
            raise AttributeError(f"dtype: {self} has no attribute {name!r}.")
        self.numpy = found = _bfloat16()
        _BY_NUMBER.extend([None] * (found.num + 1 - len(_BY_NUMBER)))
        _BY_NUMBER[found.num] = self
        return found

    def to_real(self) -> dtype:
        """The dtype of the parts of a complex dtype; of a real one, itself."""
        return _REAL.get(self.name, self)

    def to_complex(self) -> dtype:
        """The complex dtype whose parts have this precision. Raises: RuntimeError unless it is a float32 or
        float64, or a bfloat16, whose is complex64."""
        if self is bfloat16:
            return complex64
        for name, real in _REAL.items():
            if self is real or self.name == name:
                return named(name)
        raise RuntimeError(f"to_complex: {self} has no complex dtype; float32 or float64 is needed.")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return named, (self.name,)


def extra_floats() -> Any:
    """The package that has bfloat16. Raises: ImportError if it is not there."""
    try:
        return importlib.import_module("ml_dtypes")
    except ImportError as e:
        raise ImportError(
            "bfloat16: NumPy has no such type and the package ml_dtypes, which adds it, is not installed; "
            "pip install 'tapegrad[bfloat16]', or use torch.float16."
        ) from e


def _bfloat16() -> Any:
    return np.dtype(extra_floats().bfloat16)


bool_ = dtype("bool")
uint8, int8, int16, int32, int64 = (dtype(n) for n in ("uint8", "int8", "int16", "int32", "int64"))
float16, float32, float64 = (dtype(n) for n in ("float16", "float32", "float64"))
bfloat16 = dtype("bfloat16")
complex64, complex128 = dtype("complex64"), dtype("complex128")
_REAL = {"complex64": float32, "complex128": float64}
INTEGERS = (uint8, int8, int16, int32, int64)
ALL = (bool_, *INTEGERS, bfloat16, float16, float32, float64, complex64, complex128)

# Public names, aliases included. bool is torch.bool: it hides the builtin only as an attribute of the
# package.
NAMES: dict[str, dtype] = {d.name: d for d in ALL} | {
    "half": float16,
    "float": float32,
    "double": float64,
    "short": int16,
    "int": int32,
    "long": int64,
    "cfloat": complex64,
    "cdouble": complex128,
}

F4, F8, I8, U1, B1 = float32.numpy, float64.numpy, int64.numpy, uint8.numpy, bool_.numpy
C8, C16 = complex64.numpy, complex128.numpy
default.dtype = F4

# By NumPy's type number, a list index being the cheapest look-up. C has two 64-bit integers and one may be
# int32's twin; both names of a width are one dtype here.
_BY_NUMBER: list[dtype | None] = [None] * 32
for _d in ALL:
    if _d is not bfloat16:  # which registers itself when it is first used
        _BY_NUMBER[_d.numpy.num] = _d
for _c in "lqi":
    _BY_NUMBER[np.dtype(_c).num] = int64 if np.dtype(_c).itemsize == 8 else int32


def named(name: str) -> dtype:
    """The dtype of that name (also how dtypes unpickle)."""
    return NAMES[name]


def of(numpy_dtype: Any) -> dtype:
    """The torch dtype of a NumPy dtype. Raises TypeError if torch has no such type."""
    number = numpy_dtype.num
    found: dtype | None = _BY_NUMBER[number] if number < len(_BY_NUMBER) else None
    if found is None:
        raise TypeError(
            f"tensor: NumPy dtype {numpy_dtype} has no torch dtype; use one of "
            f"{', '.join(d.name for d in ALL)}, e.g. array.astype('float32')."
        )
    return found


_PYTHON = {bool: bool_, int: int64, float: float64, complex: complex128}


def as_numpy(d: Any, op: str) -> Any:
    """The NumPy dtype of a `dtype=` argument: a torch dtype, or Python's bool, int, float, complex.

    Raises: TypeError for anything else.
    """
    if type(d) is dtype:
        return d.numpy
    found = _PYTHON.get(d) if isinstance(d, type) else None
    if found is None:
        raise TypeError(f"{op}: dtype is {d!r}; a torch dtype such as torch.float32 is needed.")
    return found.numpy


@cache
def promote(a: Any, b: Any) -> Any:
    """The NumPy dtype of two arrays with dimensions, by torch's rule (int64 with float32 is float32)."""
    ca, cb = of(a).category, of(b).category
    if a is not b and a.char in NARROW and b.char in NARROW:
        return F4  # neither has the other's numbers
    if ca == cb or (ca >= FLOAT and cb >= FLOAT):
        return of(np.promote_types(a, b)).numpy
    return a if ca > cb else b


def number_dtype(x: Any) -> Any:
    """The NumPy dtype that a Python number has as a tensor."""
    if isinstance(x, bool):
        return B1
    if isinstance(x, int):
        return I8
    if isinstance(x, float):
        return default.dtype
    return complex_of(default.dtype)


def complex_of(d: Any) -> Any:
    """The complex dtype of a real one's precision."""
    return complex128.numpy if d is F8 else complex64.numpy


def real_of(d: Any) -> Any:
    """The dtype of a complex one's parts."""
    return F8 if d is complex128.numpy else F4


def result(full: Iterable[Any], scalar: Iterable[Any], numbers: Iterable[Any]) -> Any:
    """The result dtype of operands: dtypes of tensors with dimensions, of 0-d tensors, and Python numbers."""
    best: Any = None
    for group in (full, scalar, [number_dtype(x) for x in numbers]):
        mine: Any = None
        for d in group:
            mine = d if mine is None else promote(mine, d)
        if mine is None:
            continue
        if best is None:
            best = mine
        elif of(mine).category > of(best).category:
            # A number of a higher category lifts to that category at the tensors' own precision.
            best = complex_of(best) if of(mine).is_complex and of(best).is_floating_point else mine
    return best


def limits(d: Any) -> Any:
    """NumPy's finfo of a floating point NumPy dtype, also of bfloat16."""
    return extra_floats().finfo(d.type) if d.kind == "V" else np.finfo(d)


class finfo:
    """Limits of a floating point dtype. Source: torch.finfo."""

    def __init__(self, type: dtype | None = None) -> None:
        kind = type or of(default.dtype)
        if not (kind.is_floating_point or kind.is_complex):
            raise TypeError(f"finfo: {kind} is not a floating point dtype; use iinfo.")
        info = limits(kind.numpy)
        self.dtype = kind.name
        self.bits = int(info.bits)
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.resolution = 10.0**-info.precision

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer dtype. Source: torch.iinfo."""

    def __init__(self, type: dtype) -> None:
        if type.category != INTEGER:
            raise TypeError(f"iinfo: {type} is not an integer dtype; use finfo.")
        info = np.iinfo(type.numpy)
        self.dtype, self.bits, self.max, self.min = type.name, int(info.bits), int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


def set_default_dtype(d: dtype) -> None:
    """Set the dtype of new float tensors. Raises: TypeError unless `d` is a floating point dtype."""
    if type(d) is not dtype or not d.is_floating_point:
        raise TypeError(
            f"set_default_dtype: {d!r} is given; a floating point dtype is needed, e.g. torch.float64."
        )
    default.dtype = d.numpy


def get_default_dtype() -> dtype:
    """The dtype of new float tensors."""
    return of(default.dtype)
