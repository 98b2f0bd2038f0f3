"""One row of samples per op, one file per family.

Adding an op touches two places: its definition, and one row here.
"""

from __future__ import annotations

from tapegrad.testing.samples import (
    complex_numbers,
    create,
    cumulative,
    distance,
    elementary,
    fourier,
    index,
    linalg,
    matrices,
    nn,
    pairs,
    pointwise,
    products,
    random,
    reduce,
    shape,
    sort,
    special,
    statistics,
    views,
)
from tapegrad.testing.samples.base import Array, Call, Form, Name, Row, call, kink

__all__ = ["ROWS", "Array", "Call", "Form", "Name", "Row", "call", "kink"]

_ON_NUMBERS = (pointwise, elementary, pairs, special, reduce, shape, views, index, linalg, nn)
FAMILIES = (
    *(*_ON_NUMBERS, cumulative, sort, statistics, distance, products, matrices),
    *(fourier, complex_numbers),
    *(create, random),
)
ROWS: dict[str, Row] = {
    row.name: complex_numbers.in_complex(row) if family in _ON_NUMBERS else row
    for family in FAMILIES
    for row in family.ROWS
}
