"""Tensor: an array, its node in the graph, and Python's protocols. No mathematics: `ops` binds that onto
it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np

from tapegrad import dtypes
from tapegrad._errors import describe, place, say_once, sizes
from tapegrad._printing import text
from tapegrad._state import default, grad_enabled, special, tier
from tapegrad.devices import device, device_of
from tapegrad.dtypes import INEXACT
from tapegrad.kernels.memory import apart, from_parts, parts_of, pickled
from tapegrad.levels import Storage
from tapegrad.memory import alias, replace_memory
from tapegrad.naming import subject
from tapegrad.observers import left
from tapegrad.rare import Rare
from tapegrad.tape import AccumulateGrad, Node, Severed, StoppedGrad
from tapegrad.views import born, box, check_inference, cold_of, fresh, leave, needs_grad

if TYPE_CHECKING:
    from tapegrad._methods import TensorMethods
else:
    TensorMethods = object


class Size(tuple[int, ...]):
    """A shape: a tuple of sizes that knows how many elements it spans."""

    __slots__ = ()

    def numel(self) -> int:
        """The product of the sizes."""
        n = 1
        for k in self:
            n *= k
        return n

    @overload
    def __getitem__(self, i: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, i: slice) -> Size: ...
    def __getitem__(self, i: Any) -> Any:
        found = tuple.__getitem__(self, i)
        return Size(found) if isinstance(i, slice) else found

    def __add__(self, other: Iterable[int]) -> Size:  # type: ignore[override] # torch.Size stays a Size
        return Size((*self, *other))

    def __mul__(self, n: Any) -> Size:
        return Size(tuple(self) * n)

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Size, (tuple(self),)


class TensorType(type):
    """`Tensor(2, 3)` and `Tensor([1, 2])`, for users. Inside the package `blank` makes a Tensor in 0.08 us:
    type's own call, which is that fast only while the class has neither __new__ nor __init__."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if any("__new__" in vars(c) or "__init__" in vars(c) for c in cls.__mro__[:-1]):  # a user's subclass
            return type.__call__(cls, *args, **kwargs)
        return cls.make(*args, **kwargs)  # type: ignore[attr-defined] # every Tensor class has it


class Tensor(TensorMethods, metaclass=TensorType):
    """An n-dimensional array that can record how it was computed.

    Shapes: any, also 0-d and empty. `Tensor(2, 3)` is uninitialised; `Tensor([1, 2])` copies data; both are
    of the default dtype. `torch.tensor` is the way to make one from data.
    Source: torch.Tensor.
    """

    # _a: the storage. _kind: its NumPy dtype. _node: None means "needs no gradient"; it is the flag, the edge
    # and the pruning. _cold: what few tensors have. Python allocates __dict__ only when a user attaches an
    # attribute or a subclass has one.
    __slots__ = ("__dict__", "__weakref__", "_a", "_cold", "_kind", "_node")
    __array_priority__ = 1000  # NumPy's operators leave mixed operands to ours
    _a: Any
    _kind: Any
    _node: Node | None
    _cold: Any

    if TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    @classmethod
    def make(cls, *args: Any, **kwargs: Any) -> Tensor:
        """What the constructor does: sizes, or data."""
        first = args[0] if args else None
        if len(args) == 1 and not isinstance(first, (int, Size)):
            a = np.array(first._a if isinstance(first, Tensor) else first, default.dtype)
        else:
            a = np.empty(first if isinstance(first, Size) else args or (0,), default.dtype)
        return like(cls, a, False)

    # ---- what it is

    @property
    def shape(self) -> Size:
        """The sizes of its dimensions."""
        return Size(self._a.shape)

    @overload
    def size(self) -> Size: ...
    @overload
    def size(self, dim: int) -> int: ...
    def size(self, dim: int | None = None) -> Any:
        """All sizes, or the one of dimension `dim`. Raises: IndexError for a dimension out of range."""
        if dim is None:
            return Size(self._a.shape)
        return self._a.shape[axis(dim, self._a.ndim, "size")]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        n: int = self._a.ndim
        return n

    def dim(self) -> int:
        """The number of dimensions."""
        n: int = self._a.ndim
        return n

    def numel(self) -> int:
        """The number of elements."""
        return int(self._a.size)

    nelement = numel

    @property
    def dtype(self) -> dtypes.dtype:
        """The element type."""
        return dtypes.of(self._kind)

    @property
    def device(self) -> device:
        """Where the elements live."""
        return device_of(self._a)

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return int(self._a.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return int(self._a.nbytes)

    def stride(self, dim: int | None = None) -> Any:
        """Steps between neighbours along each dimension, in elements."""
        a = self._a
        steps = tuple([s // a.itemsize for s in a.strides])
        return steps if dim is None else steps[axis(dim, a.ndim, "stride")]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        return bool(self._a.flags.c_contiguous)

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating point one."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def data_ptr(self) -> int:
        """The address of the first element."""
        return int(box(self).__array_interface__["data"][0])

    # ---- its place in the graph

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to it. Only leaves can be told."""
        return self._node is not None if self._cold is None else needs_grad(self)

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        if not isinstance(flag, bool):
            raise RuntimeError(f"requires_grad: {flag!r} is given; True or False is needed.")
        self.requires_grad_(flag)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start or stop asking for gradients of this leaf; what it has in `.grad` stays.

        Raises: RuntimeError for a result of operations (switching off), or a dtype without derivatives.
        """
        if not isinstance(requires_grad, bool):
            raise TypeError(f"requires_grad_: {requires_grad!r} is given; True or False is needed.")
        n = self._node
        if n is not None and n.op is not None:
            if not requires_grad:
                raise RuntimeError(
                    f"requires_grad_: {subject(self, f'Tensor{sizes(self._a.shape)}')} was computed "
                    f"({n.op.name}, {place(n.code, n.lasti)}) and cannot stop requiring grad; use detach()."
                )
            return self
        severed = n.__class__ is Severed
        if requires_grad and (n is None or severed):
            if self._a.dtype.kind not in INEXACT:
                raise RuntimeError(
                    f"requires_grad_: {subject(self, f'Tensor{sizes(self._a.shape)}')} is {self.dtype}; only "
                    "floating point and complex tensors can require grad. Use .float() first."
                )
            check_inference(self, "requires_grad_")
            c = self._cold
            known = c.leaf if c is not None else None
            if known is not None:
                c.left, known.__class__ = None, AccumulateGrad
            self._node = known or AccumulateGrad(self._a.shape, self)
        elif not requires_grad and n is not None and not severed:
            leave(self, n)
            cold_of(self).leaf = n
            n.__class__ = StoppedGrad
            self._node = None
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user rather than by a recorded operation."""
        if self._cold is not None:
            needs_grad(self)
        return self._node is None or self._node.op is None

    @property
    def grad_fn(self) -> Node | None:
        """The recorded operation that made it; None for a leaf."""
        if self._cold is not None:
            fresh(self)
        n = self._node
        return None if n is None or n.op is None else n.show()

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward() has added up here; None before the first."""
        if (n := self._node) is None and (self._cold is None or (n := self._cold.leaf) is None):
            return None
        if isinstance(n, AccumulateGrad):
            found: Tensor | None = n.kept if isinstance(n, StoppedGrad) else n.grad
            return found
        if n.rare is None or not (n.rare.retains or n.rare.grad is not None):
            say_once(
                "grad: this tensor is not a leaf, so backward() does not keep its gradient; call "
                "retain_grad() on it before backward(), or ask for it with torch.autograd.grad."
            )
            return None
        return n.rare.grad  # type: ignore[no-any-return] # tape.py knows no Tensors

    @grad.setter
    def grad(self, g: Tensor | None) -> None:
        if g is not None:
            if not isinstance(g, Tensor):
                raise TypeError(f"grad: {type(g).__name__} is given; a Tensor or None is needed.")
            if g._a.shape != self._a.shape or g._a.dtype != self._a.dtype:
                raise RuntimeError(
                    f"grad: {describe(g)} is given for a {describe(self)} tensor; shape and dtype must be "
                    "equal."
                )
        n = self._node
        if n is None:
            if g is None and self._cold is None:
                return
            c = cold_of(self)
            n = c.leaf = c.leaf or AccumulateGrad(self._a.shape, self)
        if isinstance(n, StoppedGrad):
            n.kept = g
        elif isinstance(n, AccumulateGrad):
            n.grad = g
        else:
            n.rare = n.rare or Rare()
            n.rare.grad = g

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph, whose writes do not count: no node notices that what it saved
        has changed."""
        a = box(self)
        t: Tensor = alias(self, wrap(apart(a) if isinstance(a, np.ndarray) else a), False)
        if special.alert and self._node is not None:
            left(self, "data", t)
        return t

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f"data: {type(other).__name__} is given; a Tensor is needed.")
        if self._node is not None and other._a.dtype.kind not in INEXACT:
            raise RuntimeError(
                f"data: {describe(other)} is given; a tensor that requires grad must stay floating point."
            )
        replace_memory(self, box(other))

    @data.deleter
    def data(self) -> None:
        raise RuntimeError("data: it cannot be deleted; delete the tensor itself.")

    # ---- as Python and NumPy see it

    def item(self) -> Any:
        """Its one element as a Python number. Raises: RuntimeError unless there is exactly one."""
        if special.alert and self._node is not None:
            left(self, "item()")
        try:
            return self._a.item()
        except ValueError:
            a = self._a
            raise RuntimeError(
                f"item: {subject(self, f'Tensor{sizes(a.shape)}', 'a')} has {a.size} elements; exactly one "
                "is needed. Use .tolist(), or index it."
            ) from None

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a 0-d tensor."""
        if special.alert and self._node is not None:
            left(self, "tolist()")
        return self._a.tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """The ndarray that shares its memory. Raises: RuntimeError if it requires grad, where gradients are
        recorded, unless `force`."""
        if self.requires_grad and (force or grad_enabled()):
            if not force:
                raise RuntimeError(
                    f"numpy: {subject(self, f'Tensor{sizes(self._a.shape)}')} requires grad, and NumPy would "
                    "lose the graph; use .detach().numpy()."
                )
            left(self, "numpy()")
        if self._kind.kind == "V":
            raise TypeError("numpy: NumPy has no bfloat16; use .float().numpy().")
        return box(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        a = self.numpy()
        if dtype is not None and a.dtype != dtype:
            if copy is False:
                raise ValueError(f"__array__: {describe(self)} cannot become {dtype} without a copy.")
            return a.astype(dtype)
        return a.copy() if copy else a

    def __array_wrap__(self, a: Any, context: Any = None, return_scalar: bool = False) -> Tensor:
        return wrap(a)

    def _number(self, what: str) -> Any:
        a = self._a
        if a.size != 1:
            raise ValueError(f"{what}: a Tensor{sizes(a.shape)} has {a.size} elements; one is needed.")
        if special.alert and self._node is not None:
            left(self, f"{what}()")
        return a.item()

    def _real_number(self, what: str) -> Any:
        x = self._number(what)
        if isinstance(x, complex) and x.imag:
            raise RuntimeError(f"{what}: {x} is no real number; use .real or .abs() first.")
        return x.real

    def __float__(self) -> float:
        return float(self._real_number("float"))

    def __int__(self) -> int:
        return int(self._real_number("int"))

    def __complex__(self) -> complex:
        return complex(self._number("complex"))

    def __bool__(self) -> bool:
        a = self._a
        if a.size != 1:
            raise RuntimeError(
                f"bool: {subject(self, f'Tensor{sizes(a.shape)}', 'a')} has {a.size} truth values; exactly "
                "one is needed. Use .any() or .all()."
            )
        if special.alert and self._node is not None:
            left(self, "bool()")
        return bool(a) if a.ndim == 0 else bool(a.item())

    def __index__(self) -> int:
        a = self._a
        if a.size != 1 or a.dtype.kind not in "iub":
            raise TypeError(
                f"index: {describe(self)} is given; an integer tensor with one element is needed."
            )
        return int(a.item())

    def __len__(self) -> int:
        if self._a.ndim == 0:
            raise TypeError("len: a 0-d tensor has no length; use .numel() or .shape.")
        return int(self._a.shape[0])

    def __contains__(self, x: Any) -> bool:
        if not isinstance(x, (Tensor, int, float, complex, np.generic)):
            raise RuntimeError(f"contains: {describe(x)} is given; a Tensor or a number is needed.")
        return bool(self.eq(x).any())  # type: ignore[arg-type] # NumPy's numbers are numbers

    __hash__ = object.__hash__  # who defines __eq__ has none

    def __format__(self, spec: str) -> str:
        if self._a.ndim == 0 and type(self) is Tensor:
            return self._a.item().__format__(spec)  # type: ignore[no-any-return] # a Python number
        return object.__format__(self, spec)

    def __dir__(self) -> list[str]:
        return sorted(set(object.__dir__(self)) - {"_a", "_cold", "_kind", "_node", "make"})

    def __repr__(self) -> str:
        return text(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                f"deepcopy: {subject(self, f'Tensor{sizes(self._a.shape)}')} was computed; only leaves can "
                "be deep-copied. Use .clone() or .detach().clone()."
            )
        a = self._a
        if a.__class__ is np.ndarray:
            owner, *place = parts_of(a)
            a = from_parts(deepcopy(owner, memo), *place)
        t = memo[id(self)] = like(type(self), a if a is not self._a else a.copy(), self.requires_grad)
        if self.grad is not None:
            t.grad = deepcopy(self.grad, memo)
        t.__dict__.update(deepcopy(self.__dict__, memo))
        return t

    def __reduce_ex__(self, _protocol: Any) -> tuple[Any, ...]:
        if isinstance(self._a, Storage):
            raise RuntimeError(
                f"pickle: {subject(self, f'Tensor{sizes(self._a.shape)}')} is inside a transform, where it "
                "has no memory of its own; return it from there, and pickle the result."
            )
        parts = pickled(parts_of(box(self)))
        return _unpickled, (type(self), self.requires_grad, *parts), self.__dict__ or None


# blank(): a Tensor whose four slots the caller must set.
blank: Callable[[], Tensor] = type.__call__.__get__(Tensor)


def _unpickled(cls: type[Tensor], requires_grad: bool, owner: Any, kind: Any, *place: Any) -> Tensor:
    """A leaf around an array that is given by its parts; NumPy unpickles dtypes as strangers."""
    return like(cls, from_parts(owner, dtypes.of(kind).numpy, *place), requires_grad)


def like(cls: type[Tensor], a: Any, requires_grad: bool) -> Tensor:
    """A leaf of a class around an array."""
    if requires_grad and a.dtype.kind not in INEXACT:
        raise RuntimeError(
            f"{cls.__name__}: {describe(a)} is given; only floating point and complex tensors can require "
            "grad. Convert it first, e.g. with .float(), or pass requires_grad=False."
        )
    if a.size >= tier.large:
        tier.wake()
    t: Tensor = object.__new__(cls)
    t._a, t._kind, t._cold = a, a.dtype, born() if special.threads else None
    t._node = AccumulateGrad(a.shape, t) if requires_grad else None
    return t


def wrap(a: Any, node: Node | None = None) -> Tensor:
    """A Tensor around an array."""
    if a.size >= tier.large:
        tier.wake()
    t = blank()
    t._a = a
    t._kind = a.dtype
    t._cold = born() if special.threads else None
    t._node = node
    return t


def axis(dim: Any, ndim: int, op: str) -> int:
    """`dim` counted from the front. Raises: IndexError out of range, TypeError unless an integer."""
    if type(dim) is not int:
        try:
            dim = dim.__index__()
        except AttributeError:
            raise TypeError(f"{op}: dim is {dim!r}; an integer is needed.") from None
    span = ndim or 1
    if not -span <= dim < span:
        raise IndexError(f"{op}: dim is {dim}; for a {ndim}-d tensor it must be from {-span} to {span - 1}.")
    found: int = dim if dim >= 0 else dim + span
    return found
