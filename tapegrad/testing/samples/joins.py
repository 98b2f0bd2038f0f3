"""Joins, grids, and what broadcasts."""

from __future__ import annotations

from tapegrad.testing.samples.arrange import every, named, on
from tapegrad.testing.samples.base import Call, Row, call, x
from tapegrad.testing.samples.kinds import SHAPES, laid_out

_LISTS = (
    call([x(3), x(2)]),
    call([x(), x()]),
    call([x(3)]),
    call((x(2, 3), x(2, 3, layout="transposed"))),
    call([x(2, 3, 4), x(2, 3, 4)]),
    call([x(3, dtype="int64"), x(3)]),
    call([x(3, grad=False), x(3)]),
    call([x(0), x(0)]),
    call([x(dtype="float64"), x(1)]),
)
_BAD_LISTS = (call([]), call(x(3)), call([x(3), 2]), call([x(2, 3), x(3, 2)]))


def _columns(name: str, *more: Call) -> Row:
    return named(name, (*_LISTS, *more), errors=_BAD_LISTS, out=True)


ROWS = (
    _columns("hstack", call([x(2, 3), x(2, 1)])),
    *[_columns(n, call([x(2, 3), x(3)]), call([x(), x(1)])) for n in ("vstack", "row_stack")],
    _columns("dstack", call([x(3), x(1, 3)]), call([x(2, 3, 1), x(2, 3)])),
    named(
        "column_stack",
        (
            *[c for c in _LISTS if c.args[0][0].shape != (3,) or c.args[0][-1].shape != (2,)],
            call([x(3, 2), x(3)]),
            call([x(3, layout="strided"), x(3)]),
            call([x(), x()]),
        ),
        errors=(*_BAD_LISTS, call([x(3), x(2)])),
        out=True,
    ),
    *[
        named(
            n,
            (call([x(2, 3), x(2, 3)]), call((x(2, 3), x(2, 1)), dim=1), call([x(2, 3), x(2, 3)], axis=-1)),
            errors=(call([]), call(x(3)), call([x(2, 3), x(3, 2)])),
            out=True,
        )
        for n in ("concat", "concatenate")
    ],
    named(
        "block_diag",
        (
            call(),
            call(x(2, 3)),
            call(x(2, 3), x(), x(2), x(1, 1)),
            call(x(2, 3, dtype="int64"), x(2, 2)),
            call(x(2, 3, layout="transposed"), x(0, 2), x(3)),
            call(x(2, 2, grad=False), x(2)),
        ),
        errors=(call(x(1, 1, 1)), call([x(2, 2)]), call(x(2), 1.0)),
    ),
    named(
        "broadcast_tensors",
        (call(x(2, 3), x(3)), call(x(2, 1), x(1, 3), x()), call(x(3)), call(), call(x(2, 0), x(1))),
        errors=(call(x(2, 3), x(2)), call([x(3), x(3)]), call(x(3), 1.0)),
    ),
    named(
        "broadcast_shapes",
        tuple(
            [
                Call(s)
                for s in (((2, 1), (3,)), (3, (2, 1)), (), ((0,), (1,)), ([2, 3], ()), ((5, 1, 3), (4, 1)))
            ]
        ),
        errors=tuple([Call(s) for s in (((2,), (3,)), ((-1,),), ((1.5,),))]),
    ),
    *[
        named(
            f"atleast_{n}d",
            (
                *on(SHAPES),
                call([x(), x(2)]),
                call(x(), x(2, 3)),
                call(()),
                *[call(a) for a in laid_out((4, 5))],
                call(x(2, 3, 4, 5)),
            ),
            errors=(call(1.0), call([x(), 1.0])),
        )
        for n in (1, 2, 3)
    ],
    named(
        "meshgrid",
        tuple(
            [
                Call(args, {"indexing": i})
                for i in ("ij", "xy")
                for args in (
                    (x(3), x(2)),
                    (x(3),),
                    (x(), x(2)),
                    ([x(3), x(2)],),
                    (x(2), x(3), x(4)),
                    (x(0), x(2)),
                    (x(3, layout="strided"), x(2)),
                )
            ]
        ),
        errors=(
            call(x(3), x(2), indexing="zz"),
            call(x(2, 3), indexing="ij"),
            call(x(2), x(2, dtype="int64"), indexing="ij"),
            call(indexing="ij"),
            call(x(2), 1.0, indexing="ij"),
        ),
    ),
    named(
        "cartesian_prod",
        (
            call(x(3), x(2)),
            call(x(3)),
            call(x(2), x(1), x(3)),
            call(x(2, dtype="int64"), x(2, dtype="int64")),
            call(x(0), x(2)),
        ),
        errors=(call(x(2, 3), x(2)), call(x(2), x(2, dtype="int64")), call(x(), x(2))),
    ),
    named(
        "combinations",
        (
            *[call(x(4), r, again) for r in (0, 1, 2, 3, 5) for again in (False, True)],
            call(x(3)),
            call(x(3), r=2, with_replacement=True),
            call(x(3, dtype="int64")),
            call(x(0), 2),
        ),
        errors=(call(x(2, 3)), call(x(3), -1), call(x())),
    ),
    Row(
        "sum_to_size",
        (
            *every(4, 5),
            *every(1, 5),
            *every((5,)),
            call(x(2, 3, 4), 3, 1),
            call(x(3), ()),
            call(x(3), [1]),
            call(x(2, 0), 1, 0),
        ),
        errors=(call(x(2, 3), 2), call(x(3), 4, 3), call(x(2, 3))),
        function=False,
        ulps=2,
    ),
)
