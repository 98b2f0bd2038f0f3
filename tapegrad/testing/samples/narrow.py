"""Samples in float16 and bfloat16 for all rows, derived from their float32 ones."""

from __future__ import annotations

from dataclasses import replace

from tapegrad.testing.samples.base import Row, in_dtype, plain_samples

DTYPES = ("float16", "bfloat16")
_FEW = 3  # derived samples per row and dtype


def in_narrow(row: Row) -> Row:
    """The row with narrow samples in place of its own: some of its float32 ones, also one operand of two.
    Where torch refuses the dtype, they are samples of errors."""
    chosen = plain_samples(row, _FEW)
    made = [in_dtype(c, d) for d in DTYPES for c in chosen]
    mixed = [in_dtype(c, d, only_first=True) for d in DTYPES for c in chosen if len(c.arrays()) > 1]
    return replace(row, samples=(*made, *mixed[:3]), errors=())
