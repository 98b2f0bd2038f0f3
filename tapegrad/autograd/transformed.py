"""A Function inside transforms. Its forward runs on what vmap puts into tensors as it is; but its own rules
come first: `vmap` if it has one, and for tangents `jvp`, or else its backward, transposed: what forward does
need not have the derivative that the Function says it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tapegrad._pytree import broadcast_prefix, tree_flatten, tree_unflatten
from tapegrad.func.derivatives import linearize
from tapegrad.levels import outside, youngest
from tapegrad.storage.borders import dual, enter, held, leave, primal, tangent
from tapegrad.storage.dual import Dual, carries
from tapegrad.storage.inplace import levels_of
from tapegrad.tensor import Tensor


class VmapInfo(NamedTuple):
    """What a Function's vmap is told."""

    batch_size: int
    randomness: str


def rule_of(cls: Any, args: tuple[Any, ...]) -> Callable[[Any, tuple[Any, ...]], Any] | None:
    """How to run the Function on these arguments, if not simply by its forward."""
    storage = youngest([a._a for a in args if isinstance(a, Tensor)])
    if isinstance(storage, Dual):
        return _with_tangents
    return _as_batch if storage is not None and cls.has_vmap() else None


def _as_batch(cls: Any, args: tuple[Any, ...]) -> Any:
    """By the Function's own vmap, on whole batches, outside of the level."""
    storage = youngest([a._a for a in args if isinstance(a, Tensor)])
    assert storage is not None
    level = storage.level
    mine = [isinstance(a, Tensor) and level in levels_of(a._a) for a in args]
    kept = [held(a, level) if own else a for a, own in zip(args, mine, strict=True)]
    with outside(level):
        given = [leave(a, level, 0) if own else a for a, own in zip(kept, mine, strict=True)]
        in_dims = tuple([0 if own else None for own in mine])
        assert level.size is not None
        output, out_dims = cls.vmap(VmapInfo(level.size, level.random), in_dims, *given)
        leaves, spec = tree_flatten(output)
        dims = broadcast_prefix(out_dims, output)
        if dims is None:
            raise ValueError(
                f"{cls.__name__}: vmap returned out_dims {out_dims!r}, which do not fit its output {spec}."
            )
        inner = [t if d is None else enter(t, level, d % t.ndim) for t, d in zip(leaves, dims, strict=True)]
    return tree_unflatten(inner, spec)


def _with_tangents(cls: Any, args: tuple[Any, ...]) -> Any:
    """On the values, outside of the level; the tangents by the Function's jvp or its backward."""
    storage = youngest([a._a for a in args if isinstance(a, Tensor)])
    assert storage is not None
    level = storage.level
    mine = [isinstance(a, Tensor) and carries(a._a, level) for a in args]
    kept = [held(a, level) if own else a for a, own in zip(args, mine, strict=True)]
    with outside(level):
        values = [primal(a, level) if own else a for a, own in zip(kept, mine, strict=True)]
        tangents = [tangent(a, level) if own else None for a, own in zip(kept, mine, strict=True)]
        y, ts = _by_jvp(cls, values, tangents) if cls.has_jvp() else _by_backward(cls, values, tangents)
        leaves, spec = tree_flatten(y)
        pairs = zip(leaves, tree_flatten(ts)[0], strict=True)
        inner = [
            dual(v, t, level) if isinstance(t, Tensor) and isinstance(v, Tensor) else v for v, t in pairs
        ]
    return tree_unflatten(inner, spec)


def _by_jvp(cls: Any, values: list[Any], tangents: list[Any]) -> tuple[Any, Any]:
    y, ctx = cls.run(tuple(values))
    return y, cls.jvp(ctx, *tangents)


def _by_backward(cls: Any, values: list[Any], tangents: list[Any]) -> tuple[Any, Any]:
    places = [i for i, t in enumerate(tangents) if t is not None]

    def f(*chosen: Any) -> Any:
        every = list(values)
        for i, x in zip(places, chosen, strict=True):
            every[i] = x
        return cls.apply(*every)

    y, derivative = linearize(f, *[values[i] for i in places])
    return y, derivative(*[tangents[i] for i in places])
