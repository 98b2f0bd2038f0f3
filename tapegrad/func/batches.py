"""vmap: a function of one example as a function of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from itertools import pairwise
from typing import Any

from tapegrad import ops
from tapegrad._errors import PACKAGES, choices, place, say_once, sizes
from tapegrad._pytree import Spec, broadcast_prefix, tree_flatten, tree_unflatten
from tapegrad.levels import Level, ValueNeeded
from tapegrad.storage.borders import enter, held, leave
from tapegrad.tensor import Tensor, axis

RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """func for a batch: called with tensors that have one dimension more, it returns results that have one
    more.

    in_dims: which dimension of each argument is the batch; None where all share one value; a tree that ends
    where the arguments' tree does or earlier. out_dims: where the batch goes in the results. Keyword
    arguments are batched along dimension 0. randomness: what random functions do inside: "error" (refuse),
    "different" numbers for each entry, or the "same". chunk_size: how many entries to compute at a time.

    Where func asks for the value of a tensor (a branch on it, item()) or selects by a mask, the entries run
    one after another, and a warning says where.
    Raises: ValueError for in_dims or out_dims that do not fit, and for sizes that differ. RuntimeError for
    random functions with randomness="error". Source: torch.vmap.
    """
    if randomness not in RANDOMNESS:
        raise RuntimeError(f"vmap: randomness is {randomness!r}; {choices(RANDOMNESS)} is needed.")
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"vmap: chunk_size is {chunk_size}; None or 1 or more is needed.")

    @wraps(func)
    def batched(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, in_dims, out_dims, randomness, args, kwargs)
        if chunk_size is None or chunk_size >= call.size:
            return call.run(call.leaves)
        return call.run_in_chunks(chunk_size)

    return batched


class _Call:
    """One call of a vmapped function: its arguments as leaves, and the batch dimension of each."""

    def __init__(
        self, func: Any, in_dims: Any, out_dims: Any, randomness: str, args: tuple[Any, ...], kwargs: Any
    ) -> None:
        self.func, self.out_dims, self.randomness = func, out_dims, randomness
        self.leaves, self.spec = tree_flatten((args, kwargs))
        self.dims = _batch_dims(in_dims, args, kwargs)
        _check_leaves(self.leaves, self.dims, in_dims)
        self.size = _batch_size(self.leaves, self.dims)

    def run(self, leaves: Sequence[Any]) -> Any:
        """The results for these leaves, with the batch at `out_dims`."""
        return self._finish(*self._outputs(leaves))

    def _outputs(self, leaves: Sequence[Any]) -> tuple[list[Any], list[Any], Spec]:
        """(the results with the batch at its place, those places, their tree)."""
        level = Level(_size_of(leaves, self.dims), self.randomness)
        inside = [
            x if d is None else enter(x, level, d % x.ndim) for x, d in zip(leaves, self.dims, strict=True)
        ]
        try:
            with level:
                args, kwargs = tree_unflatten(inside, self.spec)
                results, spec = tree_flatten(self.func(*args, **kwargs))
                _check_results(results)
                kept = [held(t, level) for t in results]
        except ValueNeeded as needed:
            if needed.level is not level:
                raise
            _say_that_it_loops(needed)
            return self._looped(leaves, level)
        dims = self._out_dims(tree_unflatten(results, spec), [t.ndim for t in kept])
        outs = [
            leave(t, level, d) if d is not None else _constant(t, level)
            for t, d in zip(kept, dims, strict=True)
        ]
        return outs, dims, spec

    def _out_dims(self, tree: Any, ndims: Sequence[int]) -> list[Any]:
        dims = broadcast_prefix(self.out_dims, tree)
        if dims is None:
            raise ValueError(
                f"vmap: out_dims is {self.out_dims!r}, which does not fit what the function returned; one "
                "for all, or a tree like the result's is needed."
            )
        for d in dims:
            if d is not None and not isinstance(d, int):
                raise TypeError(f"vmap: out_dims has {d!r}; integers or None are needed.")
        return [None if d is None else axis(d, n + 1, "vmap") for d, n in zip(dims, ndims, strict=True)]

    def _looped(self, leaves: Sequence[Any], level: Level) -> tuple[list[Any], list[Any], Spec]:
        """The same, the entries one after another."""
        for restore in level.drawn:
            restore()
        every: list[list[Any]] = []
        assert level.size is not None
        for i in range(level.size):
            if self.randomness == "same":
                for restore in level.drawn:
                    restore()
            one = [
                x if d is None else ops.getitem(x, (*(slice(None),) * (d % x.ndim), i))
                for x, d in zip(leaves, self.dims, strict=True)
            ]
            args, kwargs = tree_unflatten(one, self.spec)
            results, spec = tree_flatten(self.func(*args, **kwargs))
            _check_results(results)
            every.append(results)
        dims = self._out_dims(tree_unflatten(results, spec), [t.ndim for t in results])
        outs = [
            every[0][k] if d is None else ops.stack([results[k] for results in every], d)
            for k, d in enumerate(dims)
        ]
        return outs, dims, spec

    def _finish(self, outs: list[Any], dims: list[Any], spec: Spec) -> Any:
        return tree_unflatten(outs, spec)

    def run_in_chunks(self, n: int) -> Any:
        """The results of n entries at a time, joined."""
        parts = []
        ends = [*range(0, self.size, n), self.size]
        for a, b in pairwise(ends):
            leaves = [
                x if d is None else ops.getitem(x, (*(slice(None),) * (d % x.ndim), slice(a, b)))
                for x, d in zip(self.leaves, self.dims, strict=True)
            ]
            parts.append(self._outputs(leaves))
        _, dims, spec = parts[0]
        outs = [
            parts[0][0][k] if d is None else ops.cat([outs[k] for outs, _, _ in parts], d)
            for k, d in enumerate(dims)
        ]
        return self._finish(outs, dims, spec)


def _constant(t: Tensor, level: Level) -> Tensor:
    """A result for which out_dims has None. Raises: ValueError if it differs per entry."""
    if getattr(t._a, "level", None) is level:
        raise ValueError(
            f"vmap: out_dims has None for a result{sizes(t._a.shape)} that differs per entry; give it a "
            "dimension."
        )
    return t


def _batch_dims(in_dims: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The batch dimension of each leaf. Raises: ValueError if in_dims does not fit the arguments."""
    if not isinstance(in_dims, (int, tuple, list)):
        raise ValueError(
            f"vmap: in_dims is {in_dims!r}; an integer, or a tuple with one per argument is needed."
        )
    if not args and not kwargs:
        raise ValueError("vmap: the function is called without arguments; at least one tensor is needed.")
    tree = tuple(in_dims) if isinstance(in_dims, list) else in_dims
    dims = broadcast_prefix(tree, args)
    if dims is None:
        raise ValueError(
            f"vmap: in_dims is {in_dims!r}, which does not fit the {len(args)} arguments; one for all, or a "
            "tree like theirs is needed."
        )
    return dims + [0 if isinstance(x, Tensor) else None for x in tree_flatten(kwargs)[0]]


def _check_leaves(leaves: Sequence[Any], dims: Sequence[Any], in_dims: Any) -> None:
    for x, d in zip(leaves, dims, strict=True):
        if d is None:
            continue
        if not isinstance(d, int) or isinstance(d, bool):
            raise ValueError(f"vmap: in_dims has {d!r}; integers or None are needed.")
        if not isinstance(x, Tensor):
            raise ValueError(
                f"vmap: in_dims is {in_dims!r} and an argument is {type(x).__name__}, which has no "
                "dimensions; give it None."
            )
        if not -x.ndim <= d < x.ndim:
            raise ValueError(
                f"vmap: in_dims has {d} for a Tensor{sizes(x._a.shape)}; a dimension of it is needed."
            )


def _batch_size(leaves: Sequence[Any], dims: Sequence[Any]) -> int:
    found = {x._a.shape[d] for x, d in zip(leaves, dims, strict=True) if d is not None}
    if not found:
        raise ValueError("vmap: in_dims is None everywhere; at least one argument must be batched.")
    if len(found) > 1:
        raise ValueError(f"vmap: the batched sizes are {sorted(found)}; they must be equal.")
    return int(found.pop())


def _size_of(leaves: Sequence[Any], dims: Sequence[Any]) -> int:
    return int(next(x._a.shape[d] for x, d in zip(leaves, dims, strict=True) if d is not None))


def _check_results(results: Sequence[Any]) -> None:
    for t in results:
        if not isinstance(t, Tensor):
            raise ValueError(
                f"vmap: the function returned {type(t).__name__}; Tensors are needed, alone or in containers."
            )


def _say_that_it_loops(needed: ValueNeeded) -> None:
    where, tb = "", needed.__traceback__
    while tb is not None:
        if tb.tb_frame.f_globals.get("__package__") not in PACKAGES:
            where = f"{place(tb.tb_frame.f_code, tb.tb_lasti)}: "
        tb = tb.tb_next
    say_once(
        f"vmap: {where}the code asks for the value of a tensor that has one per entry ({needed.what}), so "
        "the entries run one after another, which is slow. Choose with torch.where instead."
    )
