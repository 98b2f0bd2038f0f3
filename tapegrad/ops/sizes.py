"""Sizes as users give them, as shapes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from tapegrad._errors import sizes
from tapegrad.naming import argument


def integers(sizes: tuple[Any, ...], op: str) -> tuple[int, ...]:
    """f(2, 3), f((2, 3)) and f([2, 3]) as a tuple of ints."""
    given = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    for n in given:
        if type(n) is not int:
            break
    else:
        return tuple(given)
    try:
        return tuple([n.__index__() for n in given])
    except AttributeError:
        raise TypeError(f"{op}: sizes are {given!r}; integers are needed.") from None


def resolved(shape: tuple[int, ...], x: Any, op: str) -> tuple[int, ...]:
    """`shape` with its -1 worked out from the elements of x."""
    n, known, holes = x.size, 1, 0
    for k in shape:
        if k == -1:
            holes += 1
        elif k < 0:
            raise RuntimeError(f"{op}: shape is {sizes(shape)}; sizes must be 0 or more, or one of them -1.")
        else:
            known *= k
    if holes > 1:
        raise RuntimeError(f"{op}: shape is {sizes(shape)}; only one size may be -1.")
    if holes and known == 0:
        raise RuntimeError(
            f"{op}: shape is {sizes(shape)} for a tensor of no elements; -1 could be any size there."
        )
    if (n % known if holes else n - known) != 0:
        raise RuntimeError(
            f"{op}: {argument('input', x)} is {sizes(x.shape)} ({n} elements) and shape is {sizes(shape)}; "
            "the products must be equal."
        )
    return tuple([n // known if k == -1 else k for k in shape]) if holes else shape


@lru_cache(1000, typed=True)  # True and 1.0 equal 1, and are no sizes
def fitted(n: int, *sizes: Any) -> tuple[int, ...] | None:
    """Sizes for n elements, of which one may be -1, as a shape; None if they are none.

    Raises: TypeError for what are no ints, which is not kept.
    """
    known, hole = 1, -1
    for i, k in enumerate(sizes):
        if type(k) is not int:
            raise TypeError(f"{k!r} is no int.")
        if k >= 0:
            known *= k
        elif k == -1 and hole < 0:
            hole = i
        else:
            return None
    if hole < 0:
        return sizes if known == n else None
    return (*sizes[:hole], n // known, *sizes[hole + 1 :]) if known and n % known == 0 else None


def shape_for(given: tuple[Any, ...], x: Any, op: str) -> tuple[int, ...]:
    """f(2, -1), f((2, -1)) or f([2, -1]) as a shape for the elements of x."""
    if len(given) == 1:
        if type(given[0]) is int:
            if given[0] == -1:
                return (x.size,)
        elif isinstance(given[0], (tuple, list)):
            given = tuple(given[0])
    try:
        found = fitted(x.size, *given)
    except TypeError:
        found = None
    return resolved(integers(given, op), x, op) if found is None else found


@lru_cache(1000, typed=True)
def grown(shape: tuple[int, ...], *wanted: Any) -> tuple[int, ...] | str:
    """`shape` expanded to `wanted`, where -1 keeps a size; or why it cannot be.

    Raises: TypeError for what are no ints, which is not kept.
    """
    lead = len(wanted) - len(shape)
    if any(type(n) is not int for n in wanted):
        raise TypeError(f"{wanted} are no ints.")
    if lead < 0:
        return "at least as many are needed."
    new = []
    for i, (n, have) in enumerate(zip(wanted, (1,) * lead + shape, strict=True)):
        k = have if n == -1 and i >= lead else n
        if k < 0 or (k != have and have != 1):
            why = "-1 needs an existing dimension" if i < lead else f"{have} can only stay, or grow from 1"
            return f"at dimension {i} {k} is not possible: {why}."
        new.append(k)
    return tuple(new)
