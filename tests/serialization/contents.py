"""What the tests of files write, over a library (tapegrad or torch)."""

from collections import Counter, OrderedDict


def tensors(t):
    a = t.arange(6.0).reshape(2, 3)
    return {
        "a": a,
        "transposed": a.t(),
        "row": a[1],
        "column": a[:, 1:],
        "empty": t.zeros(0),
        "empty rows": t.ones(0, 3),
        "0-d": t.tensor(2.5),
        "expanded": t.ones(1, 3).expand(4, 3),
        "permuted": t.arange(24).reshape(2, 3, 4).permute(2, 0, 1),
        "needs a gradient": t.ones(2, requires_grad=True),
        "computed": t.ones(2, requires_grad=True) * 2,
        **{
            name: t.tensor([0, 1, 2, 100]).to(getattr(t, name))
            for name in (
                *("bool", "uint8", "int8", "int16", "int32", "int64", "bfloat16", "float16"),
                *("float32", "float64", "complex64", "complex128"),
            )
        },
    }


def objects(t):
    plain, noted = t.nn.Parameter(t.ones(2)), t.nn.Parameter(t.ones(2), requires_grad=False)
    noted.note = ["a", 1]
    tagged = t.zeros(3)
    tagged.tag = "yes"
    t.manual_seed(3)
    return {
        "parameter": plain,
        "noted": noted,
        "tagged": tagged,
        "ordered": OrderedDict(b=1, a=2),
        "counted": Counter("hello"),
        "complex": 3 + 4j,
        "set": {1, 2},
        "bytes": b"abc\xff",
        "bytearray": bytearray(b"x\x80"),
        "numbers": [10**30, -(2**70), 2**40, -5, 70000, 300, 1, 0, 1.5, True, False, None],
        "texts": ["", "é", "x" * 300],
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, (4,))),
        "dtype": t.float16,
        "dtypes": [t.float16, t.bfloat16, t.bool],
        "device": t.device("cpu"),
        "size": t.Size([2, 3]),
        "layout": t.strided,
        "rng": t.get_rng_state(),
    }


def state_dicts(t):
    t.manual_seed(3)
    model = t.nn.Sequential(t.nn.Linear(2, 3), t.nn.BatchNorm1d(3), t.nn.ReLU(), t.nn.Linear(3, 1))
    optimizer = t.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for p in model.parameters():
        p.grad = t.ones_like(p)
    optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}


CONTENTS = {"tensors": tensors, "objects": objects, "state_dicts": state_dicts}


class Noted:
    """A class of the user's."""

    def __init__(self, note):
        self.note = note

    def __eq__(self, other):
        return isinstance(other, Noted) and self.note == other.note

    __hash__ = None
