"""trace_nonfinite: the first operation that makes nan or inf is named, with its line, in forward and "
"backward."""

import inspect
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import func, nn
from tapegrad._errors import TapegradWarning
from tapegrad.autograd import trace_nonfinite
from tapegrad.autograd.nonfinite import NonFiniteError, finite

inf, nan = float("inf"), float("nan")


def line(offset=0):
    return f"test_nonfinite.py:{inspect.currentframe().f_back.f_lineno + offset}"


def w(*values, **kwargs):
    return torch.tensor(list(values), requires_grad=True, **kwargs)


def caught(function, *args):
    with pytest.raises(NonFiniteError) as e, trace_nonfinite():
        function(*args)
    assert isinstance(e.value, RuntimeError) and isinstance(e.value, FloatingPointError)
    return e.value.report


def test_a_forward():
    x = w(0.0, 1.0, 2.0)
    report = caught(lambda: (x * 1).log())
    at = line(-1)
    assert (report.op, report.kind, report.backward, report.line) == ("log", "inf", False, at)
    assert report.source == "report = caught(lambda: (x * 1).log())"
    (given,) = report.inputs
    assert (given.shape, given.least, given.most, given.first) == ((3,), 0.0, 2.0, None)
    assert (report.result.infs, report.result.nans, report.result.first) == (1, 0, (0,))
    message = (
        f"log: input (`x`) is float32[3] from 0 to 2; the result has 1 inf, first at [0] ({at}: "
        "report = caught(lambda: (x * 1).log())). Keep the input above 0, e.g. with clamp(min=1e-12)."
    )
    assert str(report) == message.replace(" (`x`)", "")
    assert "log: input (`x`) is float32[3]" in str(caught(lambda: x.log()))


def test_a_backward():
    x = w(0.0, 4.0)
    y = x.sqrt()
    at = line(-1)
    for create_graph in (False, True):
        report = caught(lambda create=create_graph: y.sum().backward(retain_graph=True, create_graph=create))
        assert (report.op, report.kind, report.backward, report.line) == ("sqrt", "inf", True, at)
        gradient, output = report.inputs
        assert (gradient.least, gradient.most, gradient.first) == (1.0, 1.0, None) and output.most == 2.0
        assert report.result.first == (0,) and "gradient of input 1" in report.result.name
    assert x.grad is None  # a backward that raises changes nothing
    y.sum().backward()  # and without the trace it goes through
    assert x.grad.tolist() == [inf, 0.25]


def test_the_branch_that_where_hides():
    x = w(0.0, 1.0)
    safe = torch.where(x > 0, x, 1.0)
    with trace_nonfinite():
        torch.where(x > 0, safe.log(), 0.0).sum().backward()
    report = caught(lambda: torch.where(x > 0, x.log(), 0.0))
    assert report.op == "log"


def test_all_ways_of_recording():
    x = torch.zeros(3)

    def divide():
        return x / x

    assert caught(divide).op == "div"  # nothing requires grad
    with torch.no_grad():
        assert caught(divide).kind == "nan"
    with torch.inference_mode():
        assert caught(divide).line == line(-6)
    y = torch.zeros(3)
    assert caught(lambda: y.div_(0.0)).op == "div"
    assert y.tolist() == [0.0] * 3  # the write did not happen
    assert caught(lambda: torch.zeros(2, 2) @ torch.ones(2, 2) / torch.zeros(())).op == "div"
    big = torch.full((2, 2), 1e30)
    assert caught(lambda: big @ big).op in ("mm", "matmul")
    assert caught(lambda: big.sum() * 1e30).op == "mul"
    assert caught(lambda: torch.tensor(70000.0).half()).op == "to_copy"
    assert caught(lambda: F.linear(big, big)).op.startswith("linear")
    assert caught(lambda: big.double().mul(1e200).mul(1e200)).result.infs == 4


def test_inf_that_is_given_is_meant_and_what_becomes_of_it_is_not():
    scores = torch.zeros(2, 3)
    mask = torch.tensor([-inf, 0.0, 0.0])
    with trace_nonfinite():
        assert torch.softmax(scores + mask, 1)[0].tolist() == [0.0, 0.5, 0.5]
        (mask * 2).max()
    report = caught(lambda: torch.softmax(scores + torch.full((3,), -inf), 1))
    assert (report.op, report.kind, report.inputs[0].infs) == ("softmax", "nan", 6)


def test_nan_in_the_data():
    x = torch.tensor([1.0, nan])
    report = caught(lambda: x * 2)
    assert (report.kind, report.inputs[0].first) == ("given", (1,))
    assert "`x`" in str(report) and "Look at the data." in str(report)
    with trace_nonfinite():
        torch.where(torch.isnan(x), 0.0, x).sum()


def test_modes():
    x = w(0.0)
    with trace_nonfinite("collect") as trace:
        y = x.log().detach() * 0  # the nan of the product is a consequence
        for _ in range(3):
            (x.sqrt() * 2 + y).sum().backward()
    assert [(r.op, r.backward) for r in trace.found] == [("log", False), ("mul", False), ("sqrt", True)]
    assert [r.kind for r in trace.found] == ["inf", "nan", "inf"]
    with warnings.catch_warnings(record=True) as said, trace_nonfinite(mode="warn"):
        warnings.simplefilter("always")
        for _ in range(3):
            x.log()
    at = line(-1)
    (warning,) = said
    assert warning.category is TapegradWarning and f"test_nonfinite.py:{warning.lineno}" == at
    with pytest.raises(ValueError, match=r"trace_nonfinite: mode is 'print'; 'raise', 'warn' or 'collect'"):
        trace_nonfinite("print")


def test_as_a_decorator_and_nested():
    x = w(0.0)

    @trace_nonfinite()
    def step(n):
        return step(n - 1) if n else x.log()

    assert step.__name__ == "step"
    with pytest.raises(NonFiniteError):
        step(2)
    assert not torch._state.watching()

    @trace_nonfinite()
    def steps():
        yield 1
        yield x.log()

    every = steps()
    assert next(every) == 1 and not torch._state.watching()  # the consumer is not watched
    with pytest.raises(NonFiniteError):
        next(every)
    outer = trace_nonfinite("collect")
    with outer, outer, trace_nonfinite("collect") as inner:
        x.log()
    assert len(inner.found) == 1 and len(outer.found) == 2
    assert not torch._state.watching()


def test_a_graph_from_outside_and_a_backward_outside():
    x = w(0.0)
    y = x.sqrt()
    assert caught(y.backward).backward
    with trace_nonfinite():
        z = x.sqrt()
    z.backward()  # nobody watches
    assert x.grad.tolist() == [inf]


def test_values_are_those_of_an_untraced_run():
    def run():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for _ in range(5):
            optimizer.zero_grad()
            F.mse_loss(model(torch.randn(6, 4)), torch.randn(6, 2)).backward()
            optimizer.step()
        return [p.tolist() for p in model.parameters()]

    plain = run()
    with trace_nonfinite() as trace:
        assert run() == plain
    assert trace.found == []


def test_graphs_are_freed_as_without_it():
    x = w(1.0, 2.0)
    with trace_nonfinite():
        y = (x * x).sum()
        y.backward()
        with pytest.raises(RuntimeError, match=r"already used and freed \(by test_nonfinite.py:\d+\)"):
            y.backward()
        z = (x * x).sum()
        z.backward(retain_graph=True)
        z.backward()
        a, b = (x * x).split(1)
        (grad,) = torch.autograd.grad((a * b).sum(), x, create_graph=True)
        grad.sum().backward()


def test_a_nan_in_one_part_of_several_outputs():
    x = w(0.0, 1.0)
    a, b = (x * 1).split(1)
    report = caught(lambda: (a.sqrt() + b).sum().backward())
    assert report.op == "sqrt"


def test_it_watches_only_its_own_thread():
    failed = []

    def work():
        try:
            w(0.0).log()
        except NonFiniteError as e:
            failed.append(e)

    with trace_nonfinite():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert not failed


def test_inside_transforms():
    x = torch.tensor([0.0, 1.0, 4.0])
    report = caught(lambda: func.vmap(lambda v: v.log())(x))
    assert (report.op, report.result.first) == ("log", (0,))
    for transform in (func.vmap(func.grad(lambda v: v.sqrt())), func.grad(lambda v: v.sqrt().sum())):
        report = caught(transform, x)
        assert report.op == "sqrt" and report.backward
    report = caught(lambda: func.jvp(lambda v: v.sqrt(), (x,), (torch.ones(3),)))
    assert report.op == "sqrt" and report.result.infs == 1
    with trace_nonfinite():
        func.vmap(func.grad(lambda v: v.sqrt()))(x + 1)


def test_deep_graphs():
    x = w(1.0)
    with trace_nonfinite():
        y = x
        for _ in range(5000):
            y = y * 1.0
        y.sum().backward()
    assert x.grad.tolist() == [1.0]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(width=32), max_size=6),
    st.sampled_from(["e", "f", "d", "F", "D"]),
    st.sampled_from(["flat", "rows", "transposed", "strided"]),
)
def test_finite_is_isfinite(values, kind, layout):
    with np.errstate(all="ignore"):
        a = np.array(values, kind)
    if layout == "rows":
        a = np.stack([a, a])
    elif layout == "transposed":
        a = np.stack([a, a]).T
    elif layout == "strided":
        a = np.repeat(a, 2)[::2]
    with np.errstate(all="raise"):
        assert finite(a) == bool(np.isfinite(a).all())
    if a.ndim == 1:
        assert all(finite(v) == bool(np.isfinite(v)) for v in a)
    assert finite(np.arange(3)) and finite(np.array([True]))
