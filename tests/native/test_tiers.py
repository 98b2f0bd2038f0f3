"""What users see of the tiers: the same results whether or not machine code computes them."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import nn, tiers
from tapegrad._state import tier
from tests.native.arrays import CANNOT

tiers.wake()
native = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


@pytest.mark.parametrize(
    "shapes", [((100_000, 1), (1, 0)), ((70_000, 0), (70_000, 1)), ((0, 70_000), (70_000,))]
)
def test_operands_that_broadcast_to_nothing(shapes):
    a, b = (torch.ones(*shape, requires_grad=True) for shape in shapes)
    for op in (torch.add, torch.mul, torch.maximum, torch.lt, torch.pow):
        y = op(a, b)
        assert y.shape == torch.broadcast_shapes(*shapes) and y.numel() == 0
        if y.requires_grad:
            for x, g in zip((a, b), torch.autograd.grad(y.sum(), (a, b)), strict=True):
                assert g.shape == x.shape and not g.any()
    assert torch.where(a > 0, a, b).shape == y.shape


def run(code):
    """What a new process prints."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


LONG = """
import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import tiers
from tapegrad._state import tier

tier.late = 3000
x = torch.linspace(-2, 2, 60).reshape(5, 12)
w, v = (torch.linspace(-1, 1, n).reshape(-1, 12).requires_grad_() for n in (144, 36))
for step in range(400):
    if step == 300:
        state = tiers.native_state()
    hidden = torch.tanh(F.linear(x, w) * torch.cos(x) + torch.exp(-x * x).sqrt()).cumsum(0)
    loss = F.cross_entropy(F.linear(F.gelu(hidden), v), torch.arange(5) % 3)
    loss = loss + w.square().mean() + (w / 3).exp().norm()
    loss.backward()
    if step % 10 == 0:
        print(loss.item(), [p.grad.abs().sum().item() for p in (w, v)])
    with torch.no_grad():
        for p in (w, v):
            p -= 0.1 * p.grad
            p.grad = None
"""
STATES = """
from tapegrad.kernels.shape import sum_to
import sys
print(state)
loaded = [name for name in sys.modules if name.startswith("tapegrad.native.kernels.")]
print(tiers.native_calls() > 1000, sorted(loaded), sum_to.__kwdefaults__)
torch.ones(1 << 14)
print(tiers.native_state(), sum_to.__kwdefaults__ is not None)
"""


@native
def test_many_operations_wake_what_changes_no_bit():
    *lines, state, numbers, last = run(LONG + STATES).splitlines()
    assert state.startswith("on: ") and "small operations only" in state
    kernels = [f"tapegrad.native.kernels.{name}" for name in ("broadcasting", "rows")]
    assert numbers == f"True {kernels} None"
    assert last == f"{state.partition(',')[0]} True"
    assert lines == run(f"import os; os.environ['TAPEGRAD_NATIVE'] = '0'\n{LONG}").splitlines()


@native
def test_calls_that_are_not_recorded_count_too():
    code = "import tapegrad as torch; from tapegrad import tiers; x = torch.ones(5)\n"
    code += "for _ in range(25_000): x.cumsum(0)\n"
    assert "small operations only" in run(code + "print(tiers.native_state())")


SLOW_FOR_NUMPY = ["softmax(x, 0)", "log_softmax(x, 0)", "sigmoid(x)", "sinc(x)", "std(x)", "var_mean(x)[1]"]
SLOW_FOR_NUMPY += ["digamma(x)", "special.i1e(x)", "erfinv(x)", "special.log_ndtr(x)", "erf(x[0])"]


@native
@pytest.mark.parametrize("call", SLOW_FOR_NUMPY)
def test_the_first_call_has_the_bits_of_the_others(call):
    code = "import tapegrad as torch; from tapegrad import tiers; torch.manual_seed(0); x = torch.rand(7)\n"
    code += (
        f"print(tiers.native_state()[:6]); print(len({{torch.{call}.numpy().tobytes() for _ in range(300)}}))"
    )
    assert run(code + "\nprint('small operations only' in tiers.native_state())") == "asleep\n1\nTrue\n"


def test_what_waits_for_its_first_call_is_numpys_where_the_tier_is_off():
    code = "import os; os.environ['TAPEGRAD_NATIVE'] = '0'\n"
    code += "import tapegrad as torch; from tapegrad.kernels import loss, reduce; x = torch.ones(4)\n"
    code += "print([x.softmax(0).tolist(), x.std().item(), torch.sigmoid(0 * x).tolist()])\n"
    code += (
        "print(loss.log_softmax.__kwdefaults__, reduce.var.__kwdefaults__, torch.sigmoid.op.forward.__name__)"
    )
    assert run(code) == "[[0.25, 0.25, 0.25, 0.25], 0.0, [0.5, 0.5, 0.5, 0.5]]\nNone None sigmoid\n"


TRAINING = """
import tapegrad as torch
from tapegrad import nn, optim, tiers
from tapegrad._state import tier

tier.often = 100
for make in (optim.Adam, optim.RAdam, lambda p: optim.SGD(p, 0.1, momentum=0.9), optim.Rprop):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer, x = make(model.parameters()), torch.randn(32, 2)
    for step in range(60):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    print([p.detach().numpy().tobytes().hex() for p in model.parameters()])
"""


@native
def test_many_updates_wake_what_changes_no_bit():
    *lines, last = run(f"{TRAINING}\nprint(tiers.native_state(), tiers.native_calls() > 200)").splitlines()
    assert "small operations only" in last and last.endswith(" True")
    assert lines == run(f"import os; os.environ['TAPEGRAD_NATIVE'] = '0'\n{TRAINING}").splitlines()


@native
def test_operations_that_load_later_are_machine_code_too():
    code = (
        "import tapegrad as torch; x = torch.ones(100_000, requires_grad=True)\n"
        "import tapegrad.nn.functional as F; from tapegrad import tiers\n"
        "was = tiers.native_calls(); y = F.gelu(x); now = tiers.native_calls(); y.backward(y.detach())\n"
        "print(now - was, tiers.native_calls() - now > 0)"
    )
    assert run(code) == "1 True\n"


def test_where_it_cannot_run_numpy_computes():
    code = "import sys, tapegrad as torch; from tapegrad.cli.info import facts\n"
    code += "sys.platform = 'win32'; x = torch.ones(100_000).exp().sum()\n"
    facts = "print(dict(facts())['tier native'], x.item() > 2e5)"
    off = (
        "off: TAPEGRAD_NATIVE=0"
        if "TAPEGRAD_NATIVE" in tiers.native_state()
        else "off: Windows is not supported; NumPy computes everything"
    )
    assert run(code + facts) == f"{off} True\n"


@native
def test_the_state_says_what_was_not_tested():
    code = "import platform; from tapegrad import tiers; platform.machine = lambda: 'AMD64'; tiers.wake()\n"
    assert "not tested" not in run(code + "print(tiers.native_state())")
    code = "import sys; from tapegrad.native import target; sys.platform = 'darwin'; print(target.tested())"
    assert run(code) == "False\n"


LARGE = 1 << 14
LIST, ARRAY = [0.0] * LARGE, np.zeros(LARGE)
SAVED, PICKLED = io.BytesIO(), pickle.dumps(torch.zeros(LARGE))
torch.save(torch.zeros(LARGE), SAVED)
FEW, PLACES = torch.zeros(4), torch.zeros(LARGE, dtype=torch.int64)
COLUMN, ROW = torch.zeros(128, 1), torch.zeros(1, 128)
MADE = {
    "filled": lambda: torch.zeros(LARGE),
    "not filled": lambda: torch.empty(128, 128),
    "counted": lambda: torch.arange(LARGE),
    "random": lambda: torch.rand(LARGE),
    "a list": lambda: torch.tensor(LIST),
    "a copied array": lambda: torch.tensor(ARRAY),
    "a shared array": lambda: torch.from_numpy(ARRAY),
    "bytes": lambda: torch.frombuffer(bytearray(LARGE), dtype=torch.uint8),
    "the class": lambda: torch.Tensor(LARGE),
    "a file": lambda: torch.load(io.BytesIO(SAVED.getvalue())),
    "a pickle": lambda: pickle.loads(PICKLED),
    "a parameter": lambda: nn.Parameter(torch.empty(0).new_empty(LARGE)),
    "a module": lambda: nn.Linear(128, 128),
    "another size": lambda: torch.empty(0).resize_(LARGE),
    "many tensors": lambda: torch.cat([FEW] * (LARGE // 4)),
    "picked elements": lambda: FEW.clone().requires_grad_()[PLACES],
    "classes": lambda: F.one_hot(PLACES[:128], 128),
    "a recorded sum": lambda: COLUMN.clone().requires_grad_() + ROW,
    "a recorded product": lambda: COLUMN.clone().requires_grad_() @ ROW,
    "a recorded choice": lambda: torch.where(COLUMN > 0, COLUMN.clone().requires_grad_(), ROW),
    "a recorded border": lambda: F.pad(FEW.clone().requires_grad_(), (0, LARGE)),
}


@pytest.mark.parametrize("way", MADE)
def test_a_large_tensor_wakes_the_tier_however_it_is_made(way, monkeypatch):
    woken = []
    monkeypatch.setattr(tier, "large", LARGE)
    monkeypatch.setattr(tier, "wake", lambda: woken.append(way))
    MADE[way]()
    assert woken
    woken.clear()
    monkeypatch.setattr(tier, "large", 4 * LARGE)
    MADE[way]()
    assert not woken


def test_the_tier_is_off_for_a_reason_only():
    """A kernel that cannot be imported must not turn all tests of machine code into skipped ones."""
    tiers.wake()
    state = tiers.native_state()
    assert state.startswith("on") or any(reason in state for reason in CANNOT), state
