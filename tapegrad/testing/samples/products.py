"""Products of vectors, matrices and tensors beyond matmul."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Call, Row, call, kink, x

_NAN = float("nan")


def _einsum(equation: str, *shapes: tuple[int, ...], **facts: Any) -> Call:
    return call(equation, *[x(*s, **facts) for s in shapes])


_EQUATIONS = (
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (5, 6), (6, 4)),
    ("ji,kj->ik", (3, 2), (4, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iji->j", (3, 2, 3)),
    ("ij->ji", (3, 2)),
    ("ba", (2, 3)),
    ("ij->", (3, 2)),
    ("ij->j", (3, 2)),
    ("->", ()),
    ("i,->i", (3,), ()),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bij,bkj->bik", (2, 3, 4), (2, 5, 4)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)),
    ("...ij,...jk", (2, 3, 4), (2, 4, 2)),
    ("i...->...", (2, 3)),
    ("i,j->ij", (2,), (3,)),
    ("i,i", (3,), (3,)),
    ("bi,bi->b", (2, 3), (2, 3)),
    ("bi,i->b", (2, 3), (3,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij,ji->ij", (2, 3), (3, 2)),
    ("bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
    ("ij,jk,kl->li", (2, 3), (3, 4), (4, 2)),
    ("abc,cd,def->f", (2, 3, 4), (4, 5), (5, 2, 3)),
    ("ijk,ilm->jkml", (2, 3, 4), (2, 5, 6)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    (" i j , j -> i ", (2, 3), (3,)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("ab,cd->", (2, 3), (4, 5)),
    ("ij,jk->ik", (0, 3), (3, 2)),
    ("ij,jk->ik", (2, 0), (0, 3)),
    ("Ab,bA->A", (2, 3), (3, 2)),
)


def _added(
    name: str, shape: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...], errors: tuple[Call, ...]
) -> Row:
    """beta * input + alpha * a product of this shape."""
    shapes = (shape, shape[1:], (*shape[:-1], 1), ())
    return Row(
        name,
        (
            *[call(x(*s), x(*a), x(*b), **k) for s in shapes for k in ({}, {"beta": 0.5, "alpha": 2})],
            call(x(*shape), x(*a, layout="strided"), x(*b, layout="offset"), alpha=0),
            call(x(*shape, values=[_NAN] * _size(shape), grad=False), x(*a), x(*b), beta=0),
            kink(x(*shape), x(*a, values=[_NAN] * _size(a), grad=False), x(*b), alpha=0),
            *[call(x(*shape, dtype=d), x(*a, dtype=d), x(*b, dtype=d)) for d in ("float64", "int64")],
        ),
        errors=errors,
        inplace=True,
        out=True,
        ulps=8,
        whole=True,
    )


def _size(shape: tuple[int, ...]) -> int:
    n = 1
    for k in shape:
        n *= k
    return n


def _linalg(name: str, samples: tuple[Call, ...], errors: tuple[Call, ...] = (), **facts: Any) -> Row:
    return Row(
        f"linalg.{name}",
        samples,
        errors,
        how=lambda torch, *args, **kwargs: getattr(torch.linalg, name)(*args, **kwargs),
        **facts,
    )


_WRONG_CROSS = (call(x(2), x(2)), call(x(3, 2), x(3)), call(x(3, 2), x(3, 4)), call(x(3), x(3), dim=2))

ROWS = (
    Row(
        "einsum",
        (
            *[_einsum(*e) for e in _EQUATIONS],
            *[_einsum("ij,jk->ik", (2, 3), (3, 2), dtype=d) for d in ("float64", "int64", "float16")],
            *[
                _einsum("bij,bjk->ik", (2, 3, 4), (2, 4, 3), layout=k)
                for k in ("transposed", "strided", "expanded")
            ],
            call(x(2, 3), [0, 1], x(3, 4), [1, 2], [0, 2]),
            call(x(2, 3), [0, 1], x(3, 4), [1, 2]),
            call(x(2, 2, 3), [..., 0, 1], x(2, 3, 4), [..., 1, 2], [..., 0, 2]),
            call("ij,jk", [x(2, 3), x(3, 4)]),
            call("ij,ij->i", x(2, 3, grad=False), x(2, 3)),
        ),
        errors=(
            call("ij,jk", x(2, 3), x(2, 3)),
            call("ij", x(2)),
            call("i", x(2, 3)),
            call("ij->ik", x(2, 3)),
            call("ij->ii", x(2, 3)),
            call("ii", x(2, 3)),
            call("i,j", x(2)),
            call("i%j", x(2, 3)),
            call("i,i", x(2), x(2, dtype="float64")),
        ),
        method=False,
        ulps=8,
        whole=True,
    ),
    Row(
        "tensordot",
        (
            call(x(2, 3, 4), x(3, 4, 5)),
            call(x(2, 3, 4), x(3, 4, 5), 2),
            call(x(2, 3, 4), x(4, 2, 5), ([0, 2], [1, 0])),
            call(x(2, 3, 4), x(4, 2, 5), dims=([0, -1], [1, 0])),
            call(x(2), x(3), 0),
            call(x(2, 1), x(3, 2), ([1], [0])),
            call(x(2, 3), x(2, 3), ([0, 1], [0, 1])),
            call(x(2, 0), x(0, 3), 1),
            call(x(2, 3, layout="transposed"), x(3, 2, layout="strided"), 1),
            call(x(2, 3, dtype="int64"), x(3, 2, dtype="int64"), 1),
        ),
        errors=(
            call(x(2, 3), x(2, 3), 1),
            call(x(2, 3), x(3, 2), ([0, 1], [0])),
            call(x(2, 3), x(3, 2), -1),
            call(x(2, 3), x(3, 2, dtype="float64"), 1),
        ),
        method=False,
        out=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "inner",
        (
            call(x(3), x(3)),
            call(x(2, 3), x(3)),
            call(x(3), x(2, 3)),
            call(x(2, 3), x(4, 3)),
            call(x(2, 5, 3), x(4, 3)),
            call(x(), x(2, 3)),
            call(x(2), x()),
            call(x(2, 0), x(3, 0)),
            call(x(2, 3, dtype="int64"), x(4, 3, dtype="int64")),
        ),
        errors=(call(x(2, 3), x(2)), call(x(3), x(3, dtype="float64"))),
        out=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "kron",
        (
            call(x(2, 3), x(3, 2)),
            call(x(2), x(3, 2)),
            call(x(), x(3, 2)),
            call(x(2, 1, 2), x(2)),
            call(x(0, 2), x(2, 3)),
            call(x(2, 2, layout="offset"), x(2, 3, layout="offset")),
            call(x(2, 2, dtype="int64"), x(2, dtype="int32")),
            call(x(2, 2), x(2, dtype="float64")),
        ),
        errors=(call(x(2), 2),),
        out=True,
    ),
    Row(
        "cross",
        (
            call(x(3), x(3)),
            call(x(3, 2), x(3, 2)),
            call(x(2, 3), x(2, 3)),
            call(x(4, 3), x(1, 3), dim=1),
            call(x(4, 3), x(4, 3), dim=-1),
            call(x(3, 3, layout="transposed"), x(3, 3)),
            call(x(0, 3), x(0, 3)),
            call(x(3, dtype="int64"), x(3, dtype="int64")),
        ),
        errors=(*_WRONG_CROSS[:2], call(x(3), x(3, dtype="float64"))),
        out=True,
        ulps=2,
        whole=True,
    ),
    _linalg(
        "cross",
        (call(x(4, 3), x(4, 3)), call(x(4, 3), x(1, 3)), call(x(3, 2), x(3, 2), dim=0), call(x(3), x(3))),
        _WRONG_CROSS,
        ulps=2,
        whole=True,
    ),
    _linalg(
        "vecdot",
        (
            *[call(x(3), x(3)), call(x(2, 3), x(3)), call(x(2, 3), x(2, 3), dim=0), call(x(2, 0), x(2, 0))],
            *[call(x(), x()), call(x(), x(2, 3)), call(x(2), x(), dim=0)],
        ),
        (call(x(3), x(2)), call(x(3), x(3, dtype="float64")), call(x(), x(dtype="int64"))),
        ulps=8,
        whole=True,
    ),
    _linalg("matmul", (call(x(2, 3), x(3, 2)),), (call(x(2, 3), x(2, 3)),), ulps=8, whole=True),
    Row(
        "linalg.multi_dot",
        (
            call(x(2, 3), x(3, 4)),
            call(x(2, 3), x(3, 4), x(4, 5), x(5, 1)),
            call(x(3), x(3, 4), x(4)),
            call(x(10, 2), x(2, 10), x(10, 3)),
        ),
        errors=(call(x(2, 3)), call(x(2, 3), x(2, 3), x(3, 2)), call(x(2, 3), x(3), x(3, 2))),
        how=lambda torch, *tensors: torch.linalg.multi_dot(tensors),
        ulps=8,
        whole=True,
    ),
    Row(
        "chain_matmul",
        (call(x(2, 3), x(3, 4), x(4, 5)), call(x(2, 3))),
        errors=(call(x(2, 3), x(2, 3)), call(x(3)), call(x(2, 2, 2)), call(x(2, 3), x(3)), call()),
        method=False,
        ulps=8,
        whole=True,
    ),
    Row("ger", (call(x(3), x(2)), call(x(0), x(2))), errors=(call(x(2, 3), x(3)),), out=True),
    _added("addmv", (2,), (2, 3), (3,), (call(x(2), x(2, 3), x(2)), call(x(3), x(2, 3), x(3)))),
    _added("addr", (2, 3), (2,), (3,), (call(x(2, 2), x(2), x(3)), call(x(2, 3), x(2, 1), x(3)))),
    _added(
        "baddbmm",
        (4, 2, 5),
        (4, 2, 3),
        (4, 3, 5),
        (call(x(4, 2, 2), x(4, 2, 3), x(4, 3, 5)), call(x(5), x(4, 2, 3), x(3, 3, 5))),
    ),
    _added(
        "addbmm",
        (2, 5),
        (4, 2, 3),
        (4, 3, 5),
        (call(x(2, 2), x(4, 2, 3), x(4, 3, 5)), call(x(5), x(4, 2, 3), x(3, 3, 5))),
    ),
)
