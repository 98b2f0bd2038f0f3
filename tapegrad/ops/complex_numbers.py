"""Complex numbers: parts, conjugates, and the border to real numbers.

Rules get and give cotangents conjugated: g of y is what makes Re(g dy) the change of the loss, for real and
for complex y. See docs/architecture.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.define.batching as B
import tapegrad.kernels.complex_numbers as C
from tapegrad._errors import sizes
from tapegrad._state import default
from tapegrad.define import OUT, cast, elementwise, finish, gufunc, linear, offer, opaque
from tapegrad.dtypes import F4, F8, FLOAT, FLOATING, complex64, complex128, of
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.views import conj, select
from tapegrad.promotion import broadcast, need_tensor
from tapegrad.tensor import Tensor
from tapegrad.views import box

# ---- conjugates

_conj_physical = linear("conj_physical", C.conj, lambda F, g, _: F.conj(g), batch=B.same)


def conj_physical(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex conjugate, as a new tensor; a real input itself."""
    y = _conj_physical(input) if need_tensor(input, "conj_physical")._kind.kind == "c" else input
    return finish(y, out, "conj_physical", (input,))


def resolve_conj(input: Tensor) -> Tensor:
    """input: a conjugate is never pending here."""
    return need_tensor(input, "resolve_conj")


def resolve_neg(input: Tensor) -> Tensor:
    """input: a negation is never pending here."""
    return need_tensor(input, "resolve_neg")


def is_conj(input: Tensor) -> bool:
    """Whether a conjugate is pending: never here, conj() computes it at once."""
    need_tensor(input, "is_conj")
    return False


def is_neg(input: Tensor) -> bool:
    """Whether a negation is pending: never here."""
    need_tensor(input, "is_neg")
    return False


def is_complex(input: Tensor) -> bool:
    """Whether input's dtype is complex."""
    return need_tensor(input, "is_complex").is_complex()


# ---- the same memory as real or complex numbers. d(re) - i d(im) is the conjugate of d(re) + i d(im).


def _of_another_dtype(view: Any) -> Any:
    """A view op whose results have not the dtype of their input."""

    def call(input: Tensor) -> Tensor:
        t: Tensor = view(input)
        t._kind = t._a.dtype
        return t

    call.op = view.op  # type: ignore[attr-defined] # as every op's function has
    view.op.call = call
    return call


_view_as_real = _of_another_dtype(
    linear(
        "view_as_real",
        C.view_as_real,
        lambda F, g, _: F.conj(F.apply(_view_as_complex.op, g)),
        view=True,
        batch=B.same,
    )
)
_view_as_complex: Any = _of_another_dtype(
    linear(
        "view_as_complex",
        C.view_as_complex,
        lambda F, g, _: F.apply(_view_as_real.op, F.conj(g)),
        view=True,
        batch=B.same,
    )
)


def view_as_real(input: Tensor) -> Tensor:
    """Complex numbers [...] as real ones [..., 2], in the same memory.

    Raises: RuntimeError for a real input.
    """
    if need_tensor(input, "view_as_real")._kind.kind != "c":
        raise RuntimeError(f"view_as_real: input is {input.dtype}; a complex tensor is needed.")
    t: Tensor = _view_as_real(input)
    return t


def view_as_complex(input: Tensor) -> Tensor:
    """Real numbers [..., 2] as complex ones [...], in the same memory.

    Raises: RuntimeError for another dtype or last size, and for memory where the pairs do not lie together.
    """
    x = box(need_tensor(input, "view_as_complex"))
    if x.dtype.kind not in FLOATING or x.itemsize < 4:
        raise RuntimeError(f"view_as_complex: input is {input.dtype}; float32 or float64 is needed.")
    if not x.ndim or x.shape[-1] != 2:
        raise RuntimeError(f"view_as_complex: input is {sizes(x.shape)}; the last size must be 2.")
    odd = type(x) is ndarray and input.storage_offset() % 2
    if x.size and (odd or not C.can_be_complex(x)):
        raise RuntimeError(
            f"view_as_complex: input is {sizes(x.shape)} with strides {input.stride()}; the last one must be "
            "1, the others and the offset even. Use .contiguous() first."
        )
    t: Tensor = _view_as_complex(input)
    return t


def real(input: Tensor) -> Tensor:
    """The real part, a view; a real input itself."""
    if need_tensor(input, "real")._kind.kind != "c":
        return input
    return select(_view_as_real(input), -1, 0)


def imag(input: Tensor) -> Tensor:
    """The imaginary part, a view. Raises: RuntimeError for a real input."""
    if need_tensor(input, "imag")._kind.kind != "c":
        raise RuntimeError(f"imag: input is {input.dtype}; a complex tensor is needed.")
    return select(_view_as_real(input), -1, 1)


def _set_real(self: Tensor, value: Any) -> None:
    _set_part(real(self), value)


def _set_imag(self: Tensor, value: Any) -> None:
    _set_part(imag(self), value)


def _set_part(part: Tensor, value: Any) -> None:
    if isinstance(value, Tensor):
        part.copy_(value)
    else:
        part.fill_(value)


# ---- made of two real numbers

_complex = opaque(
    "complex",
    C.complex,
    d=(
        lambda F, g, shapes: F.sum_to(F.real(g), shapes[0]),
        lambda F, g, shapes: F.sum_to(-F.imag(g), shapes[1]),
    ),
    kind="elementwise",
    linear=True,
)
_polar = opaque(
    "polar",
    C.polar,
    saves=((1,), (OUT,)),
    d=(
        lambda F, g, angle, shapes: F.sum_to(F.real(g) * F.cos(angle) - F.imag(g) * F.sin(angle), shapes[0]),
        lambda F, g, y, shapes: F.sum_to(-F.imag(g * y), shapes[1]),
    ),
    body=lambda F, r, angle: F.complex(r * F.cos(angle), r * F.sin(angle)),
)


def _two_floats(op: str, x: Any, y: Any, names: tuple[str, str]) -> None:
    """Raises: RuntimeError unless both are float32 or both float64 tensors whose shapes broadcast;
    NotImplementedError for polar of float16, as torch."""
    for name, t in zip(names, (x, y), strict=True):
        need_tensor(t, op, name)
    if x._kind is not y._kind:
        raise RuntimeError(f"{op}: {names[0]} is {x.dtype} and {names[1]} is {y.dtype}; they must be equal.")
    if x._kind is not F4 and x._kind is not F8:
        error = NotImplementedError if op == "polar" and x._kind.char == "e" else RuntimeError
        raise error(f"{op}: {names[0]} is {x.dtype}; float32 or float64 is needed.")
    if x._a.shape != y._a.shape:
        broadcast(op, **dict(zip(names, (x, y), strict=True)))


def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor:
    """real + i imag. Raises: RuntimeError unless both are float32 or both float64."""
    _two_floats("complex", real, imag, ("real", "imag"))
    return finish(_complex(real, imag), out, "complex", (real, imag), exact=True)


def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor:
    """abs (cos angle + i sin angle); the angle in radians.

    Raises: RuntimeError unless both are float32 or both float64.
    """
    _two_floats("polar", abs, angle, ("abs", "angle"))
    return finish(_polar(abs, angle), out, "polar", (abs, angle), exact=True)


# ---- magnitude and direction

_angle = opaque(
    "angle",
    C.angle,
    kind="elementwise",
    saves=((0,),),
    d=(lambda F, g, a, _: F.where(a == 0, 0, g / a * -1j) if F.is_complex(a) else F.zeros_like(g),),
)


def _sgn_rule(F: Any, g: Any, a: Any, y: Any, _: Any) -> Any:
    """Only what is across the direction turns it."""
    if not F.is_complex(a):
        return F.zeros_like(g)
    return F.where(a == 0, 0, (g - F.real(g * y) * F.conj(y)) / F.abs(a))


_sgn = opaque("sgn", C.sgn, saves=((0, OUT),), d=(_sgn_rule,), batch=B.same)


def angle(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle to the positive real axis in radians, from -pi to pi; of real numbers 0 or pi."""
    x = need_tensor(input, "angle")
    if of(x._kind).category < FLOAT:
        x = cast(x, default.dtype)
    return finish(_angle(x), out, "angle", (input,))


def sgn(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input / |input|, 0 at 0: of real numbers the sign."""
    return finish(_sgn(need_tensor(input, "sgn")), out, "sgn", (input,))


def slope_of_abs(input: Tensor) -> Tensor:
    """What abs multiplies its cotangent with."""
    return conj(sgn(input))


def not_negative(input: Tensor) -> Tensor:
    """Where input is a real number of 0 or more."""
    return (imag(input) == 0) & (real(input) >= 0) if input.is_complex() else input >= 0


isreal = elementwise(
    "isreal", lambda x: np.ones(x.shape, bool) if x.dtype.kind != "c" else x.imag == 0, arity=1
)

# ---- products

_vdot = gufunc(
    "vdot",
    "(k),(k)->()",
    C.vdot,
    saves=((1,), (0,)),
    d=(lambda F, g, y: F.conj(g * y), lambda F, g, x: g * F.conj(x)),
)
_vdot.op.batch, _vdot.op.body = None, lambda F, x, y: F.dot(F.conj(x), y)


def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inner product of two vectors [k], the first one conjugated.

    Raises: RuntimeError for other shapes or mixed dtypes.
    """
    return finish(_vdot(input, other), out, "vdot", exact=True)


# ---- dtypes


def cfloat(input: Tensor, memory_format: Any = None) -> Tensor:
    """input in complex64; input itself if it is already."""
    return input if input._kind is complex64.numpy else cast(input, complex64.numpy)


def cdouble(input: Tensor, memory_format: Any = None) -> Tensor:
    """input in complex128; input itself if it is already."""
    return input if input._kind is complex128.numpy else cast(input, complex128.numpy)


offer(
    globals(),
    functions="complex is_complex polar view_as_complex view_as_real imag real isreal",
    methods="cdouble cfloat",
    both="angle conj conj_physical is_conj is_neg resolve_conj resolve_neg sgn vdot",
    in_place="conj_physical sgn",
    rules="not_negative slope_of_abs",
    named={"isreal": isreal},
    properties={"real": property(real, _set_real), "imag": property(imag, _set_imag)},
)
nameless(globals())
