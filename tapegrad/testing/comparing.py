"""assert_close: for tests of what is computed, up to rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tapegrad._errors import say_once, sizes
from tapegrad.dtypes import dtype as Dtype
from tapegrad.ops.create import from_numpy, tensor
from tapegrad.tensor import Tensor, wrap

# By dtype: how large a difference may be, relative to what is expected, and anyhow.
TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


@dataclass(frozen=True)
class Rules:
    """What must agree, and how well. rtol and atol: None for those of the dtypes."""

    rtol: float | None
    atol: float | None
    equal_nan: bool
    device: bool
    dtype: bool
    layout: bool
    stride: bool
    subclasses: bool

    def allowed(self, *dtypes: Dtype) -> tuple[float, float]:
        """rtol and atol for values of these dtypes: the largest of theirs."""
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        known = [TOLERANCES.get(d.name, (0.0, 0.0)) for d in dtypes]
        return max(r for r, _ in known), max(a for _, a in known)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Check that |actual - expected| <= atol + rtol |expected|, in every element of tensors, ndarrays and
    numbers, and of sequences and mappings of these.

    rtol, atol: by default those of the dtypes (1.3e-6 and 1e-5 for float32, 0 for integers). msg: the
    message, or what makes it of the one here.
    Raises: AssertionError unless it holds; TypeError for what cannot be compared; ValueError for one of rtol
    and atol alone.
    """
    if (rtol is None) is not (atol is None):
        raise ValueError(f"assert_close: rtol is {rtol} and atol {atol}; both are needed, or none.")
    rules = Rules(
        rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride, allow_subclasses
    )
    for a, b, at, problem in _pairs(actual, expected):
        if text := problem or _problem(a, b, rules):
            text = f"assert_close{at}: {text}"
            raise AssertionError(text if msg is None else msg(text) if callable(msg) else msg)


# float16, float32 and float64 in assert_allclose, which is more lenient.
_LENIENT = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """assert_close, with other tolerances, and for all dtypes alike. torch gave it up for that.

    Raises: AssertionError, as assert_close. Source: torch.testing.assert_allclose.
    """
    say_once("assert_allclose: torch has given it up; use torch.testing.assert_close.")
    a = actual if isinstance(actual, Tensor) else tensor(actual)
    b = expected if isinstance(expected, Tensor) else tensor(expected, dtype=a.dtype)
    if rtol is None and atol is None:
        known = [_LENIENT.get(t.dtype.name, (0.0, 0.0)) for t in (a, b)]
        rtol, atol = (max(each) for each in zip(*known, strict=True))
    assert_close(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None)


def _pairs(actual: Any, expected: Any) -> Iterator[tuple[Any, Any, str, str]]:
    """What is to be compared, where it is, and what is wrong where two containers do not fit."""
    todo = [(actual, expected, "")]
    while todo:
        a, b, at = todo.pop()
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            if a.keys() != b.keys():
                lacking, more = sorted(map(repr, b.keys() - a.keys())), sorted(map(repr, a.keys() - b.keys()))
                yield a, b, at, f"the keys differ: {lacking} are lacking and {more} are not expected."
                return
            todo += [(a[k], b[k], f"{at}[{k!r}]") for k in reversed(list(a))]
        elif _is_sequence(a) and _is_sequence(b):
            if len(a) != len(b):
                yield a, b, at, f"there are {len(a)} items and {len(b)} expected."
                return
            todo += [(a[i], b[i], f"{at}[{i}]") for i in reversed(range(len(a)))]
        else:
            yield a, b, at, ""


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str)


def _problem(a: Any, b: Any, rules: Rules) -> str:
    """How two values differ. Raises: TypeError for what cannot be compared."""
    if a is None or b is None:
        return "" if a is b else f"{a!r} is given and {b!r} expected."
    if isinstance(a, bool | np.bool_) and isinstance(b, bool | np.bool_):
        return "" if bool(a) is bool(b) else f"{a} is given and {b} expected."
    numbers = (int, float, complex, np.number)
    if isinstance(a, numbers) and isinstance(b, numbers):
        if rules.dtype and type(a) is not type(b):
            return f"a {type(a).__name__} is given and a {type(b).__name__} expected."
        return _values_differing(wrap(np.asarray(a)), wrap(np.asarray(b)), rules)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        a, b = from_numpy(a), from_numpy(b)
    related = type(a) is type(b) or (rules.subclasses and isinstance(a, Tensor) and isinstance(b, Tensor))
    if not (related and isinstance(a, Tensor)):
        raise TypeError(
            f"assert_close: a {type(a).__name__} and a {type(b).__name__} are given; two tensors, two "
            "ndarrays or two numbers are needed, or containers of these."
        )
    return _facts_differing(a, b, rules) or _values_differing(a.detach(), b.detach(), rules)


def _facts_differing(a: Tensor, b: Tensor, rules: Rules) -> str:
    """Which attribute of tensors differs."""
    if a.shape != b.shape:
        return f"the shape is {sizes(a.shape)} and {sizes(b.shape)} expected."
    checked = {"device": rules.device, "dtype": rules.dtype, "layout": rules.layout}
    for name in [name for name, wanted in checked.items() if wanted]:
        x, y = getattr(a, name), getattr(b, name)
        if x != y:
            return f"the {name} is {x} and {y} expected."
    if rules.stride and a.stride() != b.stride():
        return f"the strides are {a.stride()} and {b.stride()} expected."
    return ""


def _values_differing(a: Tensor, b: Tensor, rules: Rules) -> str:
    """Where the elements of tensors of one shape differ."""
    rtol, atol = rules.allowed(a.dtype, b.dtype)
    x, y = (_wide(t) for t in (a, b))
    with np.errstate(all="ignore"):
        same = x == y
        near = np.abs(x - y) <= atol + rtol * np.abs(y)
        near = same | (near & np.isfinite(x) & np.isfinite(y))
        if rules.equal_nan:
            near |= np.isnan(x) & np.isnan(y)
        if near.all():
            return ""
        apart = np.where(near, 0, np.abs(x - y))
        relative = np.where(near, 0, apart / np.abs(y))
    if not a.ndim:
        text = f"{x} is given and {y} expected."
    else:
        bad, word = int(np.sum(~near)), "close" if rtol or atol else "equal"
        text = f"{bad} of {near.size} elements ({bad / near.size:.1%}) are not {word}."
    for what, differences, limit in (("absolute", apart, atol), ("relative", relative, rtol)):
        at = np.unravel_index(int(np.argmax(differences)), differences.shape)
        where = f" at {tuple(map(int, at))}" if a.ndim else ""
        allowed = f"; up to {limit} is allowed" if rtol or atol else ""
        text += f"\nThe greatest {what} difference is {differences[at]}{where}{allowed}."
    return text


def _wide(t: Tensor) -> Any:
    """The elements, integers in int64, and floats of 16 bits in float32."""
    x = t.float() if t.dtype.name in ("float16", "bfloat16") else t
    return np.asarray(x.numpy() if x.is_floating_point() or x.is_complex() else x.long().numpy())
