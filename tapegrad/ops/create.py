"""Making tensors: from data, filled, in sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.filling as filling
from tapegrad._errors import describe, say_once, sizes
from tapegrad._state import default, special
from tapegrad.define import newborn, offer, store
from tapegrad.devices import check_device
from tapegrad.dtypes import F4, F8, FLOATING, I8, as_numpy, limits, number_dtype, of, result
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.pointwise import Number
from tapegrad.promotion import NUMBERS, check_fitting, fitting, number
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import box

# ---- from data

_LARGEST = {kind: float(limits(kind).max) for kind in (F4, F8)}


def leaf(a: Any, requires_grad: bool = False) -> Tensor:
    """A Tensor around an array that nobody else has. Raises: RuntimeError if it cannot require grad."""
    if not a.ndim and type(a) is ndarray:
        a = a[()]  # a NumPy scalar computes ten times as fast as a 0-d array
    t = wrap(a)
    if requires_grad:
        t.requires_grad_()
    return newborn(t) if special.alert else t


def native(a: Any) -> Any:
    """An ndarray in one of torch's dtypes and this machine's byte order; the same memory if it is already.

    Raises: TypeError for a dtype that torch lacks, ValueError for a foreign byte order.
    """
    kind = of(a.dtype).numpy
    if kind.kind == "V":
        raise TypeError("tensor: the array is of bfloat16; use torch.tensor(a.astype('float32')).bfloat16().")
    if a.dtype is kind:
        return a
    if not a.dtype.isnative:
        raise ValueError(
            f"tensor: the array is {a.dtype.str}, in foreign byte order; use "
            "a.astype(a.dtype.newbyteorder('='))."
        )
    return a.view(kind)


def _flat_leaves(data: Any, dtypes: set[Any]) -> Any:
    """Nested sequences with Tensors and arrays as plain lists; collects the dtypes met on the way."""
    if isinstance(data, Tensor):  # it stands for its number, whatever its dimensions
        if data._a.size != 1:
            raise (TypeError if data._a.dtype.kind in "iub" else ValueError)(
                f"tensor: data holds a Tensor{sizes(data._a.shape)}; only one element becomes a number. Use "
                "torch.stack."
            )
        dtypes.add(data._a.dtype)
        return data._a.item()
    if isinstance(data, (ndarray, np.generic)):
        dtypes.add(of(data.dtype).numpy)
        return data.tolist()
    if isinstance(data, (list, tuple, range)):
        return [_flat_leaves(x, dtypes) for x in data]
    if isinstance(data, NUMBERS):
        dtypes.add(number_dtype(data))
        return data
    if hasattr(data, "__len__") and hasattr(data, "__getitem__") and not isinstance(data, (str, bytes, dict)):
        return [_flat_leaves(data[i], dtypes) for i in range(len(data))]
    raise (ValueError if isinstance(data, (str, bytes)) else RuntimeError)(
        f"tensor: data holds a {type(data).__name__}; numbers, sequences of them, arrays or Tensors are "
        "needed."
    )


def _check_regular(data: Any, depth: int = 0) -> None:
    """Raises: ValueError where sequences of one depth differ in length, TypeError for a number among them."""
    if not isinstance(data, list) or not data:
        return
    lengths = [len(x) if isinstance(x, list) else -1 for x in data]
    for n in lengths:
        if n != lengths[0]:
            first, other = (f"{k} elements" if k >= 0 else "is a number" for k in (lengths[0], n))
            raise (ValueError if min(lengths) >= 0 else TypeError)(
                f"tensor: at depth {depth + 1} one entry has {first} and another {other}; they must be alike."
            )
    for x in data:
        _check_regular(x, depth + 1)


def _plainly(data: Any, dtype: Any) -> Any:
    """The array of a list of floats, of a list of integers, or of lists of one length of these; None for all
    else, and for what may not fit."""
    flat: Any = data
    if type(data) is list and data and type(data[0]) is list:
        lengths = set(map(len, data)) if set(map(type, data)) == {list} else set()
        flat = [x for row in data for x in row] if len(lengths) == 1 else ()
    kinds = set(map(type, flat))
    if kinds == {float}:
        kind = default.dtype if dtype is None else dtype
        most = _LARGEST.get(kind)
        fits = most is not None and -most <= min(flat) and max(flat) <= most
        return np.array(data, kind) if fits else None
    if kinds == {int} and (dtype is None or dtype is I8):
        try:
            return np.array(data, I8)
        except OverflowError:
            return None
    return None


def _from_sequence(data: Any, dtype: Any) -> Any:
    if isinstance(data, (str, bytes)):
        raise TypeError(f"tensor: data is {data!r:.60}; numbers are needed, e.g. float(data).")
    kinds: set[Any] = set()
    plain = _flat_leaves(data, kinds)
    _check_regular(plain)
    if dtype is None:
        dtype = result(kinds, (), ()) if kinds else default.dtype
    a = np.array(plain) if np.dtype(dtype).kind in "iu" else np.array(plain, dtype)
    if a.dtype.kind in "iuO" and not _within_int64(plain):
        raise _overflow(plain)
    if a.dtype is not dtype and a.size and a.dtype.kind in "iu" + FLOATING:
        for extreme in (a.min(), a.max()):
            fitting(extreme.item(), np.dtype(dtype), "tensor")
    return np.array(plain, dtype) if a.dtype.kind == "c" else a.astype(dtype, copy=False)


def _within_int64(plain: Any) -> bool:
    try:
        np.array(plain, "i8")
    except OverflowError:
        return False
    return True


def _overflow(plain: Any) -> ValueError:
    return ValueError(f"tensor: an integer in {plain!r:.60} does not fit 64 bits; use floats.")


def array_of(data: Any, dtype: Any, copy: bool) -> Any:
    """`data` as an ndarray of a NumPy dtype (None: as it comes); shares memory unless `copy` or a
    conversion needs one."""
    if isinstance(data, Tensor):
        a = data._a if copy else box(data)
    elif isinstance(data, ndarray):
        a = native(data)
    elif isinstance(data, np.generic):
        a = np.asarray(data)
    elif type(data) is float or type(data) is int or isinstance(data, NUMBERS):
        kind = number_dtype(data) if dtype is None else dtype
        if isinstance(data, complex) and kind.kind not in "cb":
            raise TypeError(f"tensor: {data} is complex and dtype {of(kind)}; a real number is needed.")
        if kind.kind not in "iu":
            return np.asarray(number(data, kind))
        if type(data) is int and not _within_int64(data):
            raise _overflow(data)
        return np.asarray(fitting(data, kind, "tensor"))
    elif hasattr(data, "__array__") and not isinstance(data, (list, tuple)):
        a = native(np.asarray(data))
    else:
        data = list(data) if type(data) is tuple else data
        a = _plainly(data, dtype) if type(data) is list else None
        return _from_sequence(data, dtype) if a is None else a
    return np.array(a, dtype=dtype) if copy else np.asarray(a, dtype=dtype)


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A new leaf with a copy of data: a number, nested sequences, an array, a pandas object.

    Python floats become the default dtype, integers int64; arrays keep theirs.
    Raises: as torch: ValueError for ragged sequences, TypeError, ValueError or RuntimeError for what holds no
    numbers, RuntimeError for integers with requires_grad.
    """
    check_device(device, "tensor")
    if isinstance(data, Tensor):
        say_once("tensor: data is a Tensor; to copy one, use .detach().clone() (and .requires_grad_()).")
    kind = None if dtype is None else as_numpy(dtype, "tensor")
    return leaf(array_of(data, kind, True), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """data as a tensor, sharing memory where no conversion is needed; a Tensor is returned as it is."""
    check_device(device, "as_tensor")
    kind = None if dtype is None else as_numpy(dtype, "as_tensor")
    if isinstance(data, Tensor):
        return data if kind is None or data._a.dtype is kind else data.to(dtype)
    a = array_of(data, kind, False)
    return leaf(a, False) if isinstance(data, NUMBERS) else wrap(a)


def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    copy: bool | None = None,
    device: Any = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """obj as a tensor: a Tensor, an array, a buffer, a number, nested sequences. It shares memory where it
    can.

    copy: True for a copy in any case, False for an error where one is needed. requires_grad: None for what
    obj has; False detaches.
    Raises: ValueError where copy is False and impossible, or for negative strides.
    """
    check_device(device, "asarray")
    kind = None if dtype is None else as_numpy(dtype, "asarray")
    if isinstance(obj, Tensor):
        return _as_tensor(obj, kind, copy, requires_grad)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        obj = np.frombuffer(obj, kind or default.dtype)
    shares = isinstance(obj, ndarray) or (hasattr(obj, "__array__") and not isinstance(obj, np.generic))
    if shares and any(s < 0 for s in np.asarray(obj).strides):
        raise ValueError("asarray: the array has negative strides; pass a.copy().")
    if copy is False and not (shares and (kind is None or np.asarray(obj).dtype == kind)):
        wanted = "" if kind is None else f" in {of(kind)}"
        raise ValueError(
            f"asarray: copy is False, and a {type(obj).__name__}{wanted} needs one; leave copy out."
        )
    t = leaf(array_of(obj, kind, bool(copy)), False)
    return t.requires_grad_() if requires_grad else t


def _as_tensor(x: Tensor, kind: Any, copy: bool | None, requires_grad: bool | None) -> Tensor:
    if kind is not None and kind is not x._kind:
        if copy is False:
            raise ValueError(
                f"asarray: copy is False, and {x.dtype} cannot become {of(kind)} without one; leave copy out."
            )
        x = x.to(of(kind))
    elif copy:
        x = x.clone()
    if requires_grad is False:
        return x.detach()
    return x.requires_grad_() if requires_grad and not x.requires_grad else x


def from_numpy(ndarray_: ndarray) -> Tensor:
    """A tensor that shares the array's memory: a change in one shows in the other.

    Raises: TypeError for what is no ndarray, or a dtype that torch lacks; ValueError for negative strides.
    """
    if not isinstance(ndarray_, ndarray):
        raise TypeError(
            f"from_numpy: {type(ndarray_).__name__} is given; a numpy.ndarray is needed. Use torch.tensor."
        )
    if any(s < 0 for s in ndarray_.strides):
        raise ValueError("from_numpy: the array has negative strides; pass a.copy().")
    return wrap(native(np.asarray(ndarray_)))


# ---- filled


def shape_of(sides: tuple[Any, ...], op: str, size: Sequence[int] | None = None) -> tuple[int, ...]:
    """f(2, 3), f((2, 3)), f([2, 3]) and f(size=(2, 3)) as a shape.

    Raises: TypeError or RuntimeError for what is no size.
    """
    given: Any = sides[0] if len(sides) == 1 else sides
    if type(given) is int:
        if given >= 0 and size is None:
            return sides
        given = sides
    elif not isinstance(given, (tuple, list)):
        given = sides
    if size is not None:
        if sides or not isinstance(size, (tuple, list)):
            raise TypeError(f"{op}: {sides!r} and size={size!r} are given; one tuple of integers is needed.")
        given = size
    elif not sides:
        raise TypeError(f"{op}: no size is given; pass one, e.g. {op}(2, 3), or {op}(()) for a 0-d tensor.")
    for n in given:
        if type(n) is not int or n < 0:
            break
    else:
        return tuple(given)
    shape = []
    for n in given:
        if isinstance(n, (bool, float)) or not hasattr(n, "__index__"):
            raise TypeError(f"{op}: size is {given!r}; integers are needed.")
        k = n.__index__()
        if k < 0:
            raise RuntimeError(f"{op}: size is {sizes([int(v) for v in given])}; sizes must be 0 or more.")
        shape.append(k)
    return tuple(shape)


def kind_of(dtype: Any, op: str, otherwise: Any = None) -> Any:
    """The NumPy dtype of a `dtype=` argument: without one `otherwise`, or the default dtype."""
    if dtype is None:
        return default.dtype if otherwise is None else otherwise
    return as_numpy(dtype, op)


def filled(op: str, size: Any, value: Any, kind: Any) -> Any:
    """An array of a shape, given as a tuple or list, and of a dtype that must hold the value."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"{op}: size is {size!r}; a tuple of integers is needed, e.g. (2, 3).")
    a = filling.empty(shape_of((size,), op), kind)
    fill(op, a, value)
    return a


def fill(op: str, a: Any, value: Any) -> None:
    """Fill a new array with a number that its dtype must hold."""
    if type(value) is float or (type(value) is int and a.dtype is I8):  # which NumPy stores as they are
        check_fitting(value, a.dtype, op)
    else:
        value = fitting(value, a.dtype, op)
    filling.fill(a, value)


def finished(op: str, a: Any, device: Any, requires_grad: bool, out: Tensor | None) -> Tensor:
    """The result of a function that makes a tensor: a new leaf around a, or `out`."""
    if device is not None:
        check_device(device, op)
    if out is None:
        return leaf(a, requires_grad)
    return store(wrap(a.astype(out._a.dtype, copy=False)), out, op, warns=op == "arange")


def zeros(
    *sides: Any,
    size: Sequence[int] | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros of a shape, given as zeros(2, 3), zeros((2, 3)) or zeros(size=(2, 3))."""
    return finished(
        "zeros",
        filling.zeros(shape_of(sides, "zeros", size), kind_of(dtype, "zeros")),
        device,
        requires_grad,
        out,
    )


def ones(
    *sides: Any,
    size: Sequence[int] | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Ones of a shape, given as ones(2, 3), ones((2, 3)) or ones(size=(2, 3))."""
    return finished(
        "ones",
        filling.ones(shape_of(sides, "ones", size), kind_of(dtype, "ones")),
        device,
        requires_grad,
        out,
    )


def empty(
    *sides: Any,
    size: Sequence[int] | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor whose elements are whatever the memory held."""
    return finished(
        "empty",
        filling.empty(shape_of(sides, "empty", size), kind_of(dtype, "empty")),
        device,
        requires_grad,
        out,
    )


def full(
    size: Sequence[int],
    fill_value: Number,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A shape filled with one number; bool, int and float fill values give bool, int64 and the default
    dtype."""
    value = plain_number(fill_value, "full", "fill_value")
    kind = number_dtype(value) if dtype is None else as_numpy(dtype, "full")
    return finished("full", filled("full", size, value, kind), device, requires_grad, out)


def eye(
    n: int,
    m: int | None = None,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """An n x m (n x n) matrix with ones on the diagonal."""
    rows, columns = shape_of((n, n if m is None else m), "eye")
    return finished("eye", np.eye(rows, columns, dtype=kind_of(dtype, "eye")), device, requires_grad, out)


def blank(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Zeros of a shape, in the dtype of `like`: what a rule puts where no cotangent arrived."""
    return wrap(filling.zeros(shape, like._a.dtype))


def plain_number(x: Any, op: str, what: str) -> Any:
    """A Python number; a 0-d tensor is one, if no gradient gets lost."""
    if type(x) is int or type(x) is float:
        return x
    given = type(x).__name__
    if isinstance(x, Tensor):
        given = f"a tensor {describe(x)}" + " that requires grad" * x.requires_grad
        x = None if x._a.ndim or x.requires_grad else x.item()
    value = x.item() if isinstance(x, np.generic) else x
    if not isinstance(value, NUMBERS):
        raise TypeError(f"{op}: {what} is {given}; a number is needed, e.g. by .item().")
    return value


offer(
    globals(),
    functions=("as_tensor asarray empty eye from_numpy full ones tensor zeros"),
    rules="blank",
)
nameless(globals())
