"""One row of samples per op, one file per family.

Adding an op touches two places: its definition, and one row here.
"""

from __future__ import annotations

from tapegrad.testing.samples import (
    activations,
    arrange,
    attention,
    complex_numbers,
    convolutions,
    create,
    cumulative,
    distance,
    elementary,
    fourier,
    gather,
    images,
    index,
    joins,
    linalg,
    losses,
    matrices,
    nn,
    norms,
    pairs,
    pointwise,
    pools,
    products,
    random,
    reduce,
    segments,
    shape,
    sort,
    special,
    statistics,
    tables,
    views,
)
from tapegrad.testing.samples.base import Array, Call, Form, Name, Row, call, kink

__all__ = ["ROWS", "Array", "Call", "Form", "Name", "Row", "call", "kink"]

_ON_NUMBERS = (
    *(pointwise, elementary, pairs, special, reduce, shape, views, index, gather, arrange, joins, linalg),
    *(products, matrices, nn, sort, distance),
)
FAMILIES = (
    *(*_ON_NUMBERS, activations, tables, norms, losses, cumulative, statistics, fourier, complex_numbers),
    *(create, random, segments, attention, convolutions, pools, images),
)


def _named() -> dict[str, Row]:
    """Every row by its name; of several of one name the others get a number."""
    found: dict[str, Row] = {}
    for family in FAMILIES:
        for row in family.ROWS:
            n = sum(other.name == row.name for other in found.values())
            key = f"{row.name} ({n + 1})" if n else row.name
            found[key] = complex_numbers.in_complex(row) if family in _ON_NUMBERS else row
    return found


ROWS = _named()
