"""Dual: a value and its tangent. What jvp puts into tensors.

The tangent of an op's result is derived: an op that is linear is its own derivative, an elementwise one
multiplies with its partials, a reduction sums them, a product is linear in each operand, a composite runs its
body; of any other op the backward rule, which is linear in its cotangent, is transposed by going back through
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tapegrad._printing import text
from tapegrad._state import recorded, watch
from tapegrad.define.base import EQUAL, OPS, run
from tapegrad.define.elementwise import shapes_of
from tapegrad.define.general import ALIAS
from tapegrad.define.narrow import twin
from tapegrad.domains import RAW, RECORDED, STORED
from tapegrad.dtypes import INEXACT, NARROW
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Level, Storage, arrays_of
from tapegrad.storage.base import Values
from tapegrad.storage.batched import put
from tapegrad.tape import record, sweep
from tapegrad.tensor import wrap


class Dual(Values):
    """primal, tangent: arrays or older storages of one shape."""

    __slots__ = ("primal", "tangent")

    def __init__(self, level: Level, primal: Any, tangent: Any) -> None:
        self.level, self.primal = level, primal
        self.shape, self.ndim, self.dtype = primal.shape, primal.ndim, primal.dtype
        self.tangent = tangent if tangent.shape == primal.shape else expanded(tangent, primal.shape)

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from neighbour to neighbour, of the primal."""
        return self.primal.strides  # type: ignore[no-any-return] # an array's or a storage's

    @property
    def flags(self) -> Any:
        """Those of the primal."""
        return self.primal.flags

    def arrays(self) -> Iterator[Any]:
        """The arrays under it."""
        yield from arrays_of(self.primal)
        yield from arrays_of(self.tangent)

    def mine(self, x: Any) -> bool:
        """Whether x has a tangent of this level."""
        return type(x) is Dual and x.level is self.level

    def apply(self, op: Any, xs: Sequence[Any], args: tuple[Any, ...]) -> Any:
        """The op on arrays and storages, of which this one has the youngest level."""
        if op.body is not None:
            return op.body(STORED.F, *xs, *args)
        if args:
            args = self._without_tangents(args)
        level, carried = self.level, False
        primals, tangents = [], []
        for x in xs:
            if type(x) is Dual and x.level is level:
                carried = True
                primals.append(x.primal)
                tangents.append(x.tangent)
            else:
                primals.append(x)
                tangents.append(None)
        y = run(op, primals, args)
        if not carried or op.vjp is None or (kind := y.dtype).kind not in INEXACT:
            return y
        if op.widens and kind.char in NARROW:
            op = twin(op, kind)
        rule = _linear if op.linear else KINDS.get(op.kind, _transposed)
        return Dual(level, y, rule(op, primals, tangents, y, args))

    def _without_tangents(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """An op's arguments: what they hold (indices, bounds) is not differentiated."""
        return tuple(
            [x.primal if self.mine(x) else self._without_tangents(x) if type(x) is tuple else x for x in args]
        )

    def levels(self) -> list[Level]:
        """Its levels, youngest first."""
        parts = [x.levels() for x in (self.primal, self.tangent) if isinstance(x, Storage)]
        below = {level.id: level for part in parts for level in part}
        return [self.level, *[below[k] for k in sorted(below, reverse=True)]]

    def box(self) -> None:
        """Give its parts memory that views can share."""
        self.primal, self.tangent = _boxed(self.primal), _boxed(self.tangent)

    def can_view(self, shape: tuple[int, ...], test: Any) -> bool:
        """Whether test(part, shape) holds for both parts."""
        return bool(test(self.primal, shape)) and bool(test(self.tangent, shape))

    def value(self, what: str) -> Any:
        """The primal: Python code branches on it, as without a tangent."""
        self.check(what)
        return self.primal

    def write(self, value: Any) -> None:
        """Overwrite both parts."""
        own = self.mine(value)
        put(self.primal, value.primal if own else value)
        put(self.tangent, value.tangent if own else np.zeros((), self.dtype))

    def __repr__(self) -> str:
        return f"{text(wrap(self.primal))[:-1]}, tangent={text(wrap(self.tangent))})"


def carries(x: Any, level: Level) -> bool:
    """Whether x has a tangent of a level."""
    while isinstance(x, Storage):
        if x.level is level:
            return True
        x = x.primal if isinstance(x, Dual) else x.raw  # type: ignore[attr-defined] # the other kind
    return False


def expanded(x: Any, shape: tuple[int, ...]) -> Any:
    """x repeated to a shape."""
    return x if x.shape == shape else run(OPS["expand"], (x,), (shape,))


def _boxed(x: Any) -> Any:
    if isinstance(x, Storage):
        x.box()
    return np.array(x) if isinstance(x, np.generic) else x


def zeros(like: Any) -> Any:
    """Zeros as a constant of every level."""
    return np.zeros(like.shape, like.dtype)


def _linear(op: Any, primals: Any, tangents: Any, y: Any, args: Any) -> Any:
    if op.kind == "opaque":  # several operands, some of whose parts the op drops
        return _transposed(op, primals, tangents, y, args)
    return run(op, [zeros(p) if t is None else t for p, t in zip(primals, tangents, strict=True)], args)


def _elementwise(op: Any, primals: Any, tangents: Any, y: Any, args: Any) -> Any:
    """The sum of partial times tangent: what the backward rule gives for the tangent as its cotangent."""
    # The rules have nothing to sum, and broadcast a tangent themselves, unless they read shapes.
    by_text = op.meta is shapes_of
    meta = EQUAL if by_text else op.meta([y] * len(primals), args)
    saved, total = (y, *primals), None
    for i, t in enumerate(tangents):
        if t is None:
            continue
        need = [t if j == i else None for j in range(len(primals))]
        part = op.vjp(STORED.F, t if by_text else expanded(t, y.shape), saved, meta, need)[i]
        if part is not None:
            total = part if total is None else total + part
    return zeros(y) if total is None else _as_result(total, y)


def _as_result(part: Any, y: Any) -> Any:
    """What a rule made of a tangent, as the tangent of y: of a real result of complex numbers the rule gives
    a cotangent, whose real part it is."""
    return STORED.F.real(part) if part.dtype.kind == "c" != y.dtype.kind else part


def _reduction(op: Any, primals: Any, tangents: Any, y: Any, args: Any) -> Any:
    """The rule multiplies each element's partial with the cotangent of its result; given the elements'
    tangents instead, it gives what is to be summed."""
    parts = op.vjp(STORED.F, tangents[0], (y, *primals), op.meta(primals, args), primals)[0]
    if parts is None:
        return zeros(y)
    return _as_result(run(OPS["sum.dim"], (parts,), args[:2]), y)


def _product(op: Any, primals: Any, tangents: Any, y: Any, args: Any) -> Any:
    """The product rule."""
    total = None
    for i, t in enumerate(tangents):
        if t is not None:
            part = run(op, [t if j == i else p for j, p in enumerate(primals)], args)
            total = part if total is None else total + part
    return total


def _transposed(op: Any, primals: Any, tangents: Any, y: Any, args: Any) -> Any:
    """Any other op: its backward rule, which is linear in the cotangent, is recorded for a cotangent u, and
    going back through it from the tangents gives the tangent at u."""
    with recorded():
        u = wrap(zeros(y), record(ALIAS, (None,), (), (), None))
        saved = tuple([None if x is None else wrap(x) for x in (y, *primals)]) if op.reads else ()
        gs = op.vjp(RECORDED.F, u, saved, op.meta(primals, args), tangents)
        pairs = [(g, t) for g, t in zip(gs, tangents, strict=True) if t is not None and g is not None]
        roots = [(g._node, expanded(t, g._a.shape)) for g, t in pairs if g._node is not None]
        assert u._node is not None
        domain = STORED if watch().levels else RAW
        got = sweep([n for n, _ in roots], [t for _, t in roots], domain, retain=True, wanted=[u._node])
    found = got.get(u._node)
    return zeros(y) if found is None else found


KINDS: dict[str, Any] = {"elementwise": _elementwise, "reduction": _reduction, "gufunc": _product}


nameless(globals())
