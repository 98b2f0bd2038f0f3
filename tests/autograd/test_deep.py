"""Everything that looks at graphs or records them, on chains that are far deeper than Python's stack: nothing
recurses, and with the collector off nothing stays behind."""

import gc
import sys
import tracemalloc
import warnings
import weakref

import pytest

import tapegrad as torch
from tapegrad import func, nn, viz
from tapegrad.autograd import Function, detect_anomaly, doctor, gradcheck, ledger, trace_nonfinite
from tapegrad.autograd.graph import graph
from tapegrad.tape import Node

DEPTH = pytest.mark.parametrize("depth", [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)])


@pytest.fixture(autouse=True)
def no_collector():
    """Off, and whatever nodes a test leaves behind are cycles."""
    limit = sys.getrecursionlimit()
    gc.collect()
    before = nodes()
    gc.disable()
    sys.setrecursionlimit(1000)  # whatever other tests have made of it
    try:
        yield
        assert nodes() <= before
    finally:
        sys.setrecursionlimit(limit)
        gc.enable()
        gc.collect()


def nodes():
    """How many nodes are alive."""
    return sum(issubclass(type(x), Node) for x in gc.get_objects())  # isinstance asks lazy objects


def chain(x, depth):
    for _ in range(depth):
        x = x * 1.0
    return x


def leaf(*shape):
    return torch.ones(shape, requires_grad=True)


# ---- pictures and reports


@DEPTH
def test_the_graph_as_data(depth):
    x = leaf()
    y = chain(x, depth)
    g = graph(y)
    assert len(g) == depth * 2 + 1 and g.find(x).gradient == 1  # with constants
    assert len(repr(g)) < 20_000 and f"... {len(g) - 20} more ..." in repr(g)
    assert len(repr(y)) < 100 and y.grad_fn.name() == "MulBackward0"


@DEPTH
def test_drawings(depth):
    y = chain(leaf(), depth)
    drawing = viz.graph(y)
    texts = [str(drawing), drawing.svg(), drawing.html(), drawing.dot(), drawing.mermaid()]
    assert all(f"{depth - 1:,} ops" in text and len(text) < 50_000 for text in texts)
    wide = viz.graph(sum(chain(leaf(), depth // 100) for _ in range(100)))
    assert len(wide.picture.boxes) <= 120 and len(str(wide)) < 50_000


@DEPTH
def test_the_chain_rule(depth):
    x = leaf()
    rule = viz.chain_rule(chain(x, depth), x)
    assert rule.total == 1 and rule.count == 1 and abs(rule.checked - 1) < 1e-6
    assert len(rule.paths[0].steps) == depth and len(str(rule)) < 5000
    assert f"... {depth - 20:,} more ..." in str(rule)


def test_the_chain_rule_of_more_paths_than_can_be_counted():
    x = leaf()
    y = x
    for _ in range(2000):
        y = y * 0.5 + y * 0.5
    rule = viz.chain_rule(y, x)
    assert rule.total == 1 and len(rule.paths) < 10
    assert "10**18 or more paths" in str(rule) and len(str(rule)) < 50_000


@DEPTH
def test_the_ledger(depth):
    c = torch.ones(3)
    y = torch.zeros(3, requires_grad=True)
    for _ in range(depth):
        y = y - c
    book = ledger(y)
    assert book.nodes == depth + 1 and book.leaks[0].steps == depth and len(repr(book)) < 5000
    total = torch.zeros(())
    for _ in range(depth // 10):
        total = total + (c * leaf(3)).sum()
    assert [leak.kind for leak in ledger(total, names={}).leaks] == ["running total"]


# ---- what watches


@DEPTH
def test_the_doctor(depth):
    layer = nn.Linear(1, 1)
    with doctor(layer) as found:
        chain(layer(torch.ones(1, 1)), depth).sum().backward()
    layer.zero_grad()
    assert not found.findings
    assert not doctor(layer, chain(layer(torch.ones(1, 1)), depth).sum()).findings


@DEPTH
def test_traces_and_anomalies(depth):
    x = leaf(2)
    with trace_nonfinite(mode="raise"), warnings.catch_warnings(), detect_anomaly():
        warnings.simplefilter("ignore")
        chain(x, depth).sum().backward()
    assert x.grad.tolist() == [1, 1]
    y = chain(x, depth)
    y = chain(y / 0, depth)
    with trace_nonfinite(mode="collect") as found:
        (y.sum() * 0).backward()
    assert found


# ---- transforms


TRANSFORMS = {
    "vjp": lambda f, v: func.vjp(f, v)[1](v)[0],
    "grad": lambda f, v: func.grad(lambda v: f(v).sum())(v),
    "jvp": lambda f, v: func.jvp(f, (v,), (v,))[1],
    "vmap": lambda f, v: func.vmap(f)(v),
    "vmap of grad": lambda f, v: func.vmap(func.grad(f))(v),
    "grad of vmap": lambda f, v: func.grad(lambda v: func.vmap(f)(v).sum())(v),
    "jvp of grad": lambda f, v: func.jvp(func.grad(lambda v: f(v).sum()), (v,), (v,))[0],
    "grad of grad": lambda f, v: 1 + func.grad(lambda v: func.grad(lambda v: f(v).sum())(v).sum())(v),
    "jacrev": lambda f, v: func.jacrev(f)(v).sum(0),
    "jacfwd": lambda f, v: func.jacfwd(f)(v).sum(0),
    "linearize": lambda f, v: func.linearize(f, v)[1](v),
}


@pytest.mark.parametrize("depth", [3000, pytest.param(300_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", TRANSFORMS)
def test_transforms(what, depth):
    v = torch.ones(2)
    result = TRANSFORMS[what](lambda x: chain(x, depth), v)
    assert result.tolist() == [1, 1]


@pytest.mark.parametrize("depth", [3000, pytest.param(300_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", ["vmap", "jvp"])
def test_transforms_of_what_is_recorded_outside(what, depth):
    """Each step has an edge to the same node outside of the level."""
    w = leaf()

    def f(x):
        for _ in range(depth):
            x = x * w
        return x

    TRANSFORMS[what](f, torch.ones(2)).sum().backward()
    assert w.grad.item() == 2 * depth


# ---- the engine


class Double(Function):
    """A Function between ordinary operations."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 + x * 0


@pytest.mark.parametrize("depth", [3000, pytest.param(300_000, marks=pytest.mark.slow)])
def test_functions_between_operations(depth):
    x = leaf(1)
    y = x
    for _ in range(depth):
        y = Double.apply(y) * 0.5
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert g.item() == 1 and g.requires_grad
    y.sum().backward()
    assert x.grad.item() == 1


@DEPTH
def test_derivatives_of_derivatives(depth):
    x = leaf(1)
    y = x
    for _ in range(depth):
        y = y * y
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (h,) = torch.autograd.grad(g, x, create_graph=True)
    assert g.requires_grad and h.requires_grad


def test_gradcheck_of_a_deep_function():
    x = torch.ones(1, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: chain(x, 3000), x)


@DEPTH
def test_views_and_writes(depth):
    x = leaf(4)
    h = x * 1
    for i in range(depth // 10):
        h[i % 4 : i % 4 + 1].mul_(1.0)
    v = h
    for _ in range(500):  # each use of a view of a written base walks up to it: more take quadratic time
        v = v.view(2, 2).view(4)
    v.sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 1]


# ---- memory


USES = {
    "a picture": lambda x, y: str(viz.graph(y)),
    "the chain rule": lambda x, y: str(viz.chain_rule(y, x)),
    "a ledger": lambda x, y: repr(ledger(y)),
    "a backward": lambda x, y: y.backward(),
    "a second derivative": lambda x, y: torch.autograd.grad(y * y, x, create_graph=True),
    "a doctor": lambda x, y: doctor([x], y),
    "a hook": lambda x, y: (y.register_hook(lambda g: g), y.grad_fn.register_hook(lambda a, b: None)),
    "vmap": lambda x, y: func.vmap(lambda v: chain(v * y, 100))(torch.ones(2)),
    "jvp": lambda x, y: func.jvp(lambda v: chain(v * y, 100), (x.detach(),), (x.detach(),)),
}


@pytest.mark.parametrize("what", USES)
def test_all_memory_is_freed(what):
    def once():
        x = leaf()
        y = chain(x, 500)
        USES[what](x, y)
        return weakref.ref(x), weakref.ref(y)

    assert [r() for r in once()] == [None, None]
    grown = []
    tracemalloc.start()
    try:
        for _ in range(4):
            before = tracemalloc.get_traced_memory()[0]
            once()
            grown.append(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    assert min(grown) < 5_000  # a chain has 200 kB; other threads and caches may grow now and then
