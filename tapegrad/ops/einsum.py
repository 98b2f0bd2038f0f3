"""einsum: sums of products that are named by the letters of their axes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tapegrad._errors import sizes
from tapegrad._state import autocast
from tapegrad.define import cast, offer
from tapegrad.dtypes import promote
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.labelled import Labels
from tapegrad.ops.products import contract, same_dtype
from tapegrad.ops.reduce import sum
from tapegrad.ops.shape import permute, squeeze, unsqueeze
from tapegrad.ops.views import diagonal
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

Operand = tuple[Tensor, Labels]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MANY = 1000  # labels from here on are those of an ellipsis, counted from its last axis


def einsum(*args: Any) -> Tensor:
    """Products of tensors, summed over labels: einsum("ij,jk->ik", a, b), or einsum(a, [0, 1], b, [1, 2], [0,
    2]).

    A label that is repeated within an operand takes its diagonal; one that the result lacks is summed over;
    "..." stands for further dimensions, which broadcast. Without "->" the result has the labels that come up
    once, in alphabetical order, after those of "...". Sizes of 1 broadcast.
    Raises: RuntimeError for an equation that does not fit the operands, and for mixed dtypes.
    """
    subscripts, operands = _arguments(args)
    tensors = [need_tensor(t, "einsum", f"operand {i}") for i, t in enumerate(operands)]
    if not tensors:
        raise RuntimeError("einsum: there is no operand; one or more are needed.")
    labels, output = _expanded(subscripts, tuple([t._a.ndim for t in tensors]))
    result = _contracted(_prepared(tensors, labels, output), output)
    if result is tensors[0]:  # of one operand the result is a view at least
        return permute(result, tuple(range(result._a.ndim)))
    return result


# ---- what is asked for


def _arguments(args: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """(the equation or (one sublist per operand, the result's sublist or None), the operands)."""
    if not args:
        raise ValueError("einsum: nothing is given; an equation and operands are needed.")
    if isinstance(args[0], str):
        operands = args[1:]
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = operands[0]
        return args[0], operands
    pairs = args[: len(args) // 2 * 2]
    lists = tuple([_sublist(x) for x in pairs[1::2]])
    return (lists, _sublist(args[-1]) if len(args) % 2 else None), pairs[::2]


def _sublist(x: Any) -> tuple[Any, ...]:
    for k in x:
        if k is not Ellipsis and not (isinstance(k, int) and 0 <= k < 52):
            raise ValueError(
                f"einsum: {k!r} is a label in a sublist; numbers from 0 to 51, or ..., are needed."
            )
    return tuple(x)


def _term(text: str) -> tuple[Any, ...]:
    """The labels of one operand in an equation."""
    found: list[Any] = []
    rest = text.replace(" ", "")
    while rest:
        if rest.startswith("...") and Ellipsis not in found:
            found.append(Ellipsis)
            rest = rest[3:]
        elif rest[0] in _LETTERS:
            found.append(_LETTERS.index(rest[0]))
            rest = rest[1:]
        else:
            raise RuntimeError(f"einsum: {text!r} has {rest[0]!r} in it; letters and one '...' are needed.")
    return tuple(found)


@lru_cache(256)
def _expanded(subscripts: Any, ndims: tuple[int, ...]) -> tuple[tuple[Labels, ...], Labels]:
    """The labels of each operand and of the result, with those of ellipses written out.

    Raises: RuntimeError if they do not fit operands of these numbers of dimensions.
    """
    if isinstance(subscripts, str):
        left, arrow, right = subscripts.partition("->")
        terms = tuple([_term(x) for x in left.split(",")])
        output = _term(right) if arrow else None
    else:
        terms, output = subscripts
    if len(terms) != len(ndims):
        raise RuntimeError(
            f"einsum: {len(terms)} operands are described and {len(ndims)} given; they must be as many."
        )
    labels, widest = [], 0
    for i, (term, n) in enumerate(zip(terms, ndims, strict=True)):
        wide = n - len(term) + (Ellipsis in term)
        if wide < 0 or (wide and Ellipsis not in term):
            raise RuntimeError(
                f"einsum: operand {i} is {n}-d and described by {len(term) - (Ellipsis in term)} labels; "
                "give each dimension one, or '...' for the rest."
            )
        widest = max(widest, wide)
        labels.append(_written_out(term, wide))
    return tuple(labels), _output(labels, output, widest)


def _written_out(term: tuple[Any, ...], wide: int) -> Labels:
    rest = tuple([_MANY + k for k in reversed(range(wide))])
    return tuple([x for label in term for x in (rest if label is Ellipsis else (label,))])


def _output(labels: Sequence[Labels], output: Any, widest: int) -> Labels:
    every = [x for term in labels for x in term]
    if output is None:
        rest = tuple([_MANY + k for k in reversed(range(widest))])
        return rest + tuple(sorted({x for x in every if x < _MANY and every.count(x) == 1}))
    found = _written_out(output, widest)
    for x in found:
        if found.count(x) > 1 or (x not in every and x < _MANY):
            name = _LETTERS[x] if x < 52 else "..."
            why = "twice in the result" if found.count(x) > 1 else "in the result, but in no operand"
            raise RuntimeError(
                f"einsum: {name!r} is {why}; each of its labels must be once in it and in an operand."
            )
    return found


# ---- how it is computed


def _prepared(tensors: Sequence[Tensor], labels: Sequence[Labels], output: Labels) -> list[Operand]:
    """The operands with each label once; without sizes of 1 that broadcast, nor labels that nobody shares."""
    full: dict[int, int] = {}
    for i, (t, term) in enumerate(zip(tensors, labels, strict=True)):
        for x, n in zip(term, t._a.shape, strict=True):
            m = full.setdefault(x, n)
            if m == 1:
                full[x] = n
            elif n not in (1, m):
                name = _LETTERS[x] if x < 52 else "..."
                raise RuntimeError(
                    f"einsum: operand {i} is {sizes(t._a.shape)}, where {name!r} is {n}; it is {m} "
                    "elsewhere. One label must have one size (or 1)."
                )
    found = []
    for i, (t, term) in enumerate(zip(tensors, labels, strict=True)):
        t, term = _diagonals(t, term, i)
        ones = [k for k, x in enumerate(term) if t._a.shape[k] == 1 and (full[x] != 1)]
        if ones:
            t, term = squeeze(t, tuple(ones)), tuple([x for k, x in enumerate(term) if k not in ones])
        others = {*output}.union(*[labels[j] for j in range(len(labels)) if j != i])
        alone = [k for k, x in enumerate(term) if x not in others]
        if alone:
            t, term = sum(t, tuple(alone)), tuple([x for x in term if x in others])
        found.append((t, term))
    return found


def _diagonals(t: Tensor, term: Labels, i: int) -> Operand:
    """An operand's diagonals over labels that it has twice."""
    for x in {x for x in term if term.count(x) > 1}:
        while term.count(x) > 1:
            a = term.index(x)
            b = term.index(x, a + 1)
            if t._a.shape[a] != t._a.shape[b]:
                raise RuntimeError(
                    f"einsum: operand {i} is {sizes(t._a.shape)}, and dimensions {a} and {b} have one label; "
                    "their sizes must be equal."
                )
            t = diagonal(t, 0, a, b)
            term = (*[y for k, y in enumerate(term) if k not in (a, b)], x)
    return t, term


def _contracted(operands: list[Operand], output: Labels) -> Tensor:
    """Pair after pair, the pair with the smallest product first."""
    while len(operands) > 1:
        i, j = (0, 1) if len(operands) == 2 else _best_pair(operands, output)
        (b, lb), (a, la) = operands.pop(j), operands.pop(i)
        needed = {*output}.union(*[term for _, term in operands])
        lo = output if not operands else tuple(dict.fromkeys([x for x in la + lb if x in needed]))
        lo = tuple([x for x in lo if x in la or x in lb])
        a, la = _without(a, la, {*lb, *lo})
        b, lb = _without(b, lb, {*la, *lo})
        if a._kind is not b._kind:
            a, b = _in_one_dtype(a, b, any(x not in lo for x in la))
        operands.append((contract(a, b, la, lb, lo), lo))
    t, term = operands[0]
    t, term = _without(t, term, {*output})
    have = tuple([x for x in output if x in term])
    if term != have:
        t = permute(t, [term.index(x) for x in have])
    for k, x in enumerate(output):
        if x not in term:
            t = unsqueeze(t, k)
    return t


def _in_one_dtype(a: Tensor, b: Tensor, summed: bool) -> list[Tensor]:
    """Operands of two dtypes, of which only products of elements may be made. Raises: RuntimeError if they
    are summed."""
    if summed and not autocast.on:
        same_dtype("einsum", operand=a, another=b)
    kind = promote(a._kind, b._kind)  # numbers, too, have torch's dimensions of size 1
    return [t if t._kind is kind else cast(t, kind) for t in (a, b)]


def _without(t: Tensor, term: Labels, keep: set[int]) -> Operand:
    """Summed over the labels that are not kept."""
    alone = tuple([k for k, x in enumerate(term) if x not in keep])
    return (sum(t, alone), tuple([x for x in term if x in keep])) if alone else (t, term)


def _best_pair(operands: Sequence[Operand], output: Labels) -> tuple[int, int]:
    best, pair = None, (0, 1)
    for i in range(len(operands)):
        for j in range(i + 1, len(operands)):
            (a, la), (b, lb) = operands[i], operands[j]
            rest = {*output}.union(*[t for k, (_, t) in enumerate(operands) if k not in (i, j)])
            size = {**dict(zip(la, a._a.shape, strict=True)), **dict(zip(lb, b._a.shape, strict=True))}
            cost = 1
            for x, n in size.items():
                cost *= n if x in rest else 1
            cost -= a._a.size + b._a.size
            if best is None or cost < best:
                best, pair = cost, (i, j)
    return pair


offer(globals(), functions="einsum")
nameless(globals())
