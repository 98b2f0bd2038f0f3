"""vmap: a function of one example as a function of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from itertools import pairwise
from typing import Any

from tapegrad import ops
from tapegrad._errors import PACKAGES, choices, place, say_once, sizes
from tapegrad._pytree import Spec, broadcast_prefix, tree_flatten, tree_unflatten
from tapegrad.levels import Level, ValueNeeded, looped
from tapegrad.storage.borders import enter, held, leave
from tapegrad.tensor import Tensor, axis

# What a call gives: the results with the batch at its place, those places, and the results' tree.
Outputs = tuple[list[Any], list[Any], Spec]
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
    where the arguments' tree does or earlier. out_dims: where the batch goes in the results; None for what is
    the same for all entries, or no Tensor. Keyword arguments are shared by all entries. randomness: what
    random functions do inside: "error" (refuse), "different" numbers for each entry, or the "same".
    chunk_size: how many entries to compute at a time.

    Where func asks for the value of a tensor (a branch on it, item()) or selects by a mask, the entries run
    one after another, and a warning says where.
    Raises: ValueError for in_dims or out_dims that do not fit, and for sizes that differ. RuntimeError for
    random functions with randomness="error". Source: torch.vmap.
    """
    if randomness not in RANDOMNESS:
        raise RuntimeError(f"vmap: randomness is {randomness!r}; {choices(RANDOMNESS)} is needed.")
    check_chunk_size(chunk_size, "vmap")

    @wraps(func)
    def batched(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, in_dims, out_dims, randomness, args, kwargs)
        if chunk_size is None or chunk_size >= call.size:
            return call.run(call.leaves)
        return call.run_in_chunks(chunk_size)

    return batched


def check_chunk_size(n: int | None, op: str) -> None:
    """Raises: ValueError unless it is None or positive."""
    if n is not None and n < 1:
        raise ValueError(f"{op}: chunk_size is {n}; None or 1 or more is needed.")


class _Call:
    """One call of a vmapped function: its arguments as leaves, and the batch dimension of each."""

    def __init__(
        self, func: Any, in_dims: Any, out_dims: Any, randomness: str, args: tuple[Any, ...], kwargs: Any
    ) -> None:
        _check_out_dims(out_dims)
        self.func, self.out_dims, self.randomness, self.kwargs = func, out_dims, randomness, kwargs
        self.leaves, self.spec = tree_flatten(args)
        self.dims = _batch_dims(in_dims, args)
        _check_leaves(self.leaves, self.dims, in_dims)
        self.size = _batch_size(self.leaves, self.dims)

    def run(self, leaves: Sequence[Any]) -> Any:
        """The results for these leaves, with the batch at `out_dims`."""
        outs, _, spec = self._outputs(leaves)
        return tree_unflatten(outs, spec)

    def _outputs(self, leaves: Sequence[Any], drawn: dict[int, Any] | None = None) -> Outputs:
        level = Level(_size_of(leaves, self.dims), self.randomness)
        if drawn is not None:
            level.drawn = drawn
        inside = [
            x if d is None else enter(x, level, d % x.ndim) for x, d in zip(leaves, self.dims, strict=True)
        ]
        try:
            with level:
                results, spec = self._called(inside)
                dims = self._out_dims(results, spec)
                kept = [held(t, level) if isinstance(t, Tensor) else t for t in results]
        except ValueNeeded as needed:
            if needed.level is not level:
                raise
            _say_that_it_loops(needed)
            return self._looped(leaves, level)
        outs = [
            leave(t, level, d) if d is not None else _constant(t, level)
            for t, d in zip(kept, dims, strict=True)
        ]
        return outs, dims, spec

    def _called(self, leaves: Sequence[Any]) -> tuple[list[Any], Spec]:
        return tree_flatten(self.func(*tree_unflatten(leaves, self.spec), **self.kwargs))

    def _out_dims(self, results: Sequence[Any], spec: Spec) -> list[Any]:
        """Where the batch goes in each result."""
        wanted = self.out_dims
        if spec.kind is None and isinstance(wanted, tuple) and len(wanted) == 1:
            wanted = wanted[0]
        dims = broadcast_prefix(wanted, tree_unflatten(results, spec))
        if dims is None:
            raise ValueError(
                f"vmap: out_dims is {self.out_dims!r}, which does not fit what the function returned; one "
                "for all, or a tree like the result's is needed."
            )
        _check_results(results, dims)
        return [
            None if d is None else axis(d, t.ndim + 1, "vmap") for d, t in zip(dims, results, strict=True)
        ]

    def _looped(self, leaves: Sequence[Any], level: Level) -> Outputs:
        """The same, the entries one after another."""
        if not level.size:
            raise RuntimeError(
                "vmap: the code asks for the value of a tensor that has one per entry, and the batch is "
                "empty; choose with torch.where instead."
            )
        level.start_over()
        every: list[list[Any]] = []
        with looped(level):
            for i in range(level.size):
                if self.randomness == "same":
                    level.start_over()
                results, spec = self._called(self._cut(leaves, i))
                dims = self._out_dims(results, spec)
                every.append(results)
        outs = [
            every[0][k] if d is None else ops.stack([results[k] for results in every], d)
            for k, d in enumerate(dims)
        ]
        return outs, dims, spec

    def _cut(self, leaves: Sequence[Any], i: int | slice) -> list[Any]:
        """The leaves of one entry, or of several."""
        return [
            x if d is None else ops.getitem(x, (*(slice(None),) * (d % x.ndim), i))
            for x, d in zip(leaves, self.dims, strict=True)
        ]

    def run_in_chunks(self, n: int) -> Any:
        """The results of n entries at a time, joined."""
        parts: list[Outputs] = []
        drawn: dict[int, Any] | None = {} if self.randomness == "same" else None
        for a, b in pairwise([*range(0, self.size, n), self.size]):
            for restore in (drawn or {}).values():
                restore()
            parts.append(self._outputs(self._cut(self.leaves, slice(a, b)), drawn))
        _, dims, spec = parts[0]
        outs = [
            parts[0][0][k] if d is None else ops.cat([outs[k] for outs, _, _ in parts], d)
            for k, d in enumerate(dims)
        ]
        return tree_unflatten(outs, spec)


def _constant(t: Any, level: Level) -> Any:
    """A result for which out_dims has None. Raises: ValueError if it differs per entry."""
    if isinstance(t, Tensor) and getattr(t._a, "level", None) is level:
        raise ValueError(
            f"vmap: out_dims has None for a result{sizes(t._a.shape)} that differs per entry; give it a "
            "dimension."
        )
    return t


def _check_out_dims(out_dims: Any) -> None:
    for d in tree_flatten(out_dims)[0]:
        if d is not None and not isinstance(d, int):
            raise ValueError(f"vmap: out_dims has {d!r}; integers or None are needed.")


def _batch_dims(in_dims: Any, args: tuple[Any, ...]) -> list[Any]:
    """The batch dimension of each leaf. Raises: ValueError if in_dims does not fit the arguments."""
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"vmap: in_dims is {in_dims!r}; an integer, or a tuple with one per argument is needed."
        )
    if not args:
        raise ValueError(
            "vmap: the function is called without positional arguments; at least one tensor is needed."
        )
    dims = broadcast_prefix(in_dims, args)
    if dims is None:
        raise ValueError(
            f"vmap: in_dims is {in_dims!r}, which does not fit the {len(args)} arguments; one for all, or a "
            "tree like theirs is needed."
        )
    return dims


def _check_leaves(leaves: Sequence[Any], dims: Sequence[Any], in_dims: Any) -> None:
    for x, d in zip(leaves, dims, strict=True):
        if d is None:
            continue
        if not isinstance(d, int) or isinstance(d, bool):
            error = TypeError if isinstance(d, bool) else ValueError
            raise error(f"vmap: in_dims has {d!r}; integers or None are needed.")
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


def _check_results(results: Sequence[Any], dims: Sequence[Any]) -> None:
    for t, d in zip(results, dims, strict=True):
        if d is not None and not isinstance(t, Tensor):
            raise ValueError(
                f"vmap: the function returned {type(t).__name__}; Tensors are needed, alone or in "
                "containers. What is no Tensor needs None in out_dims."
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
