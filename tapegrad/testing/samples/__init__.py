"""One row of samples per op, one file per family.

Adding an op touches two places: its definition, and one row here.
"""

from __future__ import annotations

from tapegrad.testing.samples import (
    arrange,
    create,
    gather,
    index,
    joins,
    linalg,
    nn,
    pointwise,
    random,
    reduce,
    shape,
    views,
)
from tapegrad.testing.samples.base import Array, Call, Form, Name, Row, call, kink

__all__ = ["ROWS", "Array", "Call", "Form", "Name", "Row", "call", "kink"]

FAMILIES = (pointwise, reduce, shape, views, index, gather, arrange, joins, linalg, nn, create, random)
ROWS: dict[str, Row] = {row.name: row for family in FAMILIES for row in family.ROWS}
