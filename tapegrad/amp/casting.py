"""How autocast reaches functions: while it is on in some thread, the functions of `policy` run through here,
where their arguments are converted before the function itself sees them.

Functions are kept by their callers (`from torch import mm`, modules, methods, compositions), so what changes
is the function's own code, as long as there is a need: calls pay nothing while autocast is off everywhere.
Nothing below the public functions would do: they refuse mixed dtypes before any operation is called, and
torch's table names functions, not the operations that ours are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from types import FunctionType
from typing import Any

from tapegrad._state import Reason, autocast, recorded, watch
from tapegrad.amp import policy
from tapegrad.define import cast
from tapegrad.dtypes import F4, F8, FLOATING, bfloat16, dtype
from tapegrad.observers import Observer
from tapegrad.public import RULES
from tapegrad.tensor import Tensor
from tapegrad.views import is_view

Arguments = tuple[Any, Any]  # the positional ones, and those by name


def lower_dtype() -> dtype:
    """To which dtype operations on the CPU cast."""
    found: dtype = autocast.dtypes.get("cpu", bfloat16)
    return found


# ---- one argument


def _eligible(t: Tensor) -> bool:
    return t._kind.kind in FLOATING and t._kind is not F8


def _converted(x: Any, kind: Any) -> Any:
    """An argument, or those in a list, with its floats in a dtype; float64 and all else as it is."""
    if isinstance(x, Tensor):
        if x._kind is kind or not _eligible(x):
            return x
        return _weight(x, kind) if x._kind is F4 and _lasting(x) else cast(x, kind)
    if type(x) in (list, tuple):
        return type(x)([_converted(v, kind) for v in x])
    return x


def _lasting(t: Tensor) -> bool:
    """Whether t is a weight, whose conversion is worth keeping."""
    return autocast.cached and t.requires_grad and t.is_leaf and not is_view(t) and not watch().levels


def _weight(t: Tensor, kind: Any) -> Tensor:
    """t in a narrow dtype, converted once between two writes to it. In no_grad, too, that is recorded, as it
    may be used outside."""
    key, version = (id(t), id(kind)), t._version
    found = autocast.cache.get(key)
    if found is None or found[1] != version or found[2] is not t._a:
        with recorded():
            # with t, so that no other tensor gets its id
            found = autocast.cache[key] = t, version, t._a, cast(t, kind)
    narrow: Tensor = found[3]
    return narrow


def _tensors(x: Any) -> list[Tensor]:
    if isinstance(x, Tensor):
        return [x]
    return [t for v in x for t in _tensors(v)] if type(x) in (list, tuple) else []


# ---- what is done with all arguments of a call


def _lower(args: Any, kwargs: Any) -> Arguments:
    kind = lower_dtype().numpy
    return _converted(args, kind), {name: _converted(x, kind) for name, x in kwargs.items()}


def _float32(args: Any, kwargs: Any) -> Arguments:
    return _converted(args, F4), {name: _converted(x, F4) for name, x in kwargs.items()}


def _widest(args: Any, kwargs: Any) -> Arguments:
    given = _tensors((args, list(kwargs.values())))
    return _float32(args, kwargs) if any(t._kind is F4 for t in given) else (args, kwargs)


def _as_given(args: Any, kwargs: Any) -> Arguments:
    return args, kwargs


def _of_products(args: Any, kwargs: Any) -> Arguments:
    """contract(a, b, la, lb, lo): a matrix product if there is a sum, else a product of elements."""
    *_, la, lb, lo = args
    return _lower(args, kwargs) if {*la, *lb} - {*lo} else (args, kwargs)


def _pooled(args: Any, kwargs: Any) -> Arguments:
    """max_pool3d: torch has another function of that which also gives the indices."""
    return (args, kwargs) if kwargs.get("return_indices", args[6:7] == (True,)) else _float32(args, kwargs)


def _normed(args: Any, kwargs: Any) -> Arguments:
    """local_response_norm: torch takes means over channels by avg_pool3d, but of sequences by avg_pool2d."""
    x = args[0] if args else kwargs.get("input")
    return _float32(args, kwargs) if isinstance(x, Tensor) and x.dim() > 3 else (args, kwargs)


def _padded(args: Any, kwargs: Any) -> Arguments:
    """pad: borders that repeat elements, of so many dimensions as torch's table has."""
    given = dict(zip(("input", "pad", "mode"), args, strict=False)) | kwargs
    most = {"reflect": 4, "replicate": 6}.get(given.get("mode", ""), 0)
    return _float32(args, kwargs) if len(given.get("pad", ())) <= most else (args, kwargs)


# ---- functions that run through here


class _Through:
    """What is called in a function's place: the function, with its arguments converted."""

    def __init__(self, f: Any, convert: Callable[[Any, Any], Arguments]) -> None:
        self.function, self.code, self.convert = f, f.__code__, convert
        self.plain = FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
        self.plain.__kwdefaults__ = f.__kwdefaults__
        self.instead = _through.__code__.replace(co_freevars=f.__code__.co_freevars, co_name=f.__name__)
        f.__kwdefaults__ = {**(f.__kwdefaults__ or {}), "_autocast": self}

    def __call__(self, args: Any, kwargs: Any) -> Any:
        if not autocast.on:
            return self.plain(*args, **kwargs)
        if kwargs.get("out") is None:
            args, kwargs = self.convert(args, kwargs)
        autocast.on = False
        try:
            return self.plain(*args, **kwargs)
        finally:
            autocast.on = True


def _through(*args: Any, _autocast: Any, **kwargs: Any) -> Any:
    return _autocast(args, kwargs)


class _InSteps(_Through):
    """The same for a loop over time: its steps run through here themselves."""

    def __call__(self, args: Any, kwargs: Any) -> Any:
        if not autocast.on:
            return self.plain(*args, **kwargs)
        with Observer():  # where somebody watches, operations run and not what is fused of them
            return self.plain(*args, **kwargs)


class _Long(_InSteps):
    """lstm: torch has a kernel for floats without projection, which takes and gives narrow ones."""

    def __call__(self, args: Any, kwargs: Any) -> Any:
        hx: Any = next((x for x in args if type(x) in (list, tuple)), ())
        wide = bool(args) and isinstance(args[0], Tensor) and args[0]._kind is F4
        if wide and len(hx) == 2 and hx[0].shape[-1] == hx[1].shape[-1]:
            return _Through.__call__(self, args, kwargs)
        return super().__call__(args, kwargs)


_POLICIES = (
    (policy.LOWER, _lower, _Through),
    (policy.FLOAT32, _float32, _Through),
    (policy.WIDEST, _widest, _Through),
    (policy.AS_GIVEN, _as_given, _Through),
    (policy.IN_STEPS, _as_given, _InSteps),
    ({"": "lstm"}, _lower, _Long),
    ({"": "max_pool3d", "nn": "max_pool3d"}, _pooled, _Through),
    ({"nn": "pad"}, _padded, _Through),
    ({"nn": "local_response_norm"}, _normed, _Through),
)


def _all() -> list[_Through]:
    found: dict[Any, _Through] = {}
    for table, convert, through in _POLICIES:
        found |= {f: through(f, convert) for f in policy.listed(table) if f not in found}
        found |= {f: _Through(f, _as_given) for f in policy.writers(table)}
    parts = (("contract", _of_products), ("nn_attention_weights", _lower))
    return [*found.values(), *[_Through(RULES[name], convert) for name, convert in parts]]


_lock = RLock()
_table: list[_Through] = []


class _On(Reason):
    """Autocast is on in a thread. As long as there is any of these, functions run through here."""

    __slots__ = ()
    count = 0

    def __init__(self) -> None:
        super().__init__()
        with _lock:
            if not _table:
                _table.extend(_all())
            _On.count += 1
            if _On.count == 1:
                _put(True)

    def __del__(self) -> None:
        super().__del__()
        with _lock:
            _On.count -= 1
            if not _On.count:
                _put(False)


def _put(on: bool) -> None:
    for each in _table:
        each.function.__code__ = each.instead if on else each.code


def switch(on: bool) -> None:
    """Whether this thread's operations cast their arguments from now on."""
    if on is (autocast.reason is None):
        if on:
            _ = lower_dtype().numpy  # which raises if there is no such dtype
        autocast.reason = _On() if on else None
    autocast.on = on
