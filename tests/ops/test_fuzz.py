"""Random programs on tapegrad and on torch, and that a bug would be found."""

from __future__ import annotations

import os
import random
import re
import signal

import numpy as np
import pytest

import tapegrad
from tests.ops.fuzz.__main__ import main
from tests.ops.fuzz.children import Child, pick_of
from tests.ops.fuzz.drawing import Pick
from tests.ops.fuzz.programs import Failure, run_program
from tests.ops.fuzz.rounding import Draw, advance, is_rounding, perturbed
from tests.ops.fuzz.running import Difference, Over, Run, Statement, text_of
from tests.ops.fuzz.shrinking import outcome, shrunk

torch = pytest.importorskip("torch")


def program(*lines: str) -> list[Statement]:
    """Statements; those of the form name = ... bind the name."""
    return [
        Statement(line, "op", line.split(" = ")[0] if re.match(r"\w+ = ", line) else "") for line in lines
    ]


def test_programs() -> None:
    for number in range(150):
        run_program(torch, pick_of(1, number))


def test_a_wrong_derivative_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    op = tapegrad.define.OPS["tanh"]
    right = op.vjp
    wrong = lambda F, g, *rest: [None if x is None else x * 1.01 for x in right(F, g, *rest)]  # noqa: E731
    monkeypatch.setattr(op, "vjp", wrong)
    for number in range(200):
        try:
            run_program(torch, pick_of(3, number))
        except Failure as failure:
            small, found = shrunk(torch, failure.statements)
            if len(small) <= 5 and "tanh" in text_of(small):  # leaves, tanh, sums and a backward
                break
    else:
        pytest.fail("no program with a wrong tanh was made small")
    assert found.what in ("gradient", "value")
    assert compile(text_of(small), "small", "exec")


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["x = torch.ones(3)", "y = x * WRONG"], "value"),
        (["x = torch.ones(3)", "y = x.double() if WRONG > 1 else x * 1"], "value"),
        (["x = torch.ones(3)", "x.requires_grad_(WRONG > 1)"], "flags"),
        (["x = torch.ones(3)", "y = x.view(4) if WRONG > 1 else x"], "error"),
        (["x = torch.ones(3)", "y = x.clone() if WRONG > 1 else x"], "identity"),
        (["x = torch.ones(3)", "y = 4 if WRONG > 1 else 3"], "result"),
        (["x = torch.ones(3, requires_grad=True)", "(x * WRONG).sum().backward()"], "gradient"),
    ],
)
def test_each_kind_of_difference(lines: list[str], what: str) -> None:
    run = Run(torch)
    run.ours.names["WRONG"], run.theirs.names["WRONG"] = 1.0001, 1.0
    with pytest.raises(Difference) as found:
        for s in program(*lines):
            run.step(s)
    assert found.value.what == what


def test_a_refused_write_that_wrote_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(torch)
    first, second = program("x = torch.ones(3)", "x.copy_(torch.ones(4))")
    run.step(first)
    a = run.ours.tensor("x")._a
    monkeypatch.setattr(tapegrad.Tensor, "copy_", lambda self, other: a.fill(7) or self.view(5))
    with pytest.raises(Difference, match="changed"):
        run.step(second)


def test_rounding_is_told_from_a_bug() -> None:
    cancelling = program(
        "x = torch.tensor([0.1, 0.2, 0.3, 0.7] * 6)",
        "y = x.sum() - x.reshape(4, 6).sum(0).sum()",
        "z = 1e-9 / (y.abs() + 1e-12)",
    )
    run = Run(torch)
    for s in cancelling:
        advance(run, s)
    run = Run(torch)
    wrong = "x * (1.001 if torch.__name__ == 'tapegrad' else 1.0)"
    with pytest.raises(Difference) as found:
        for s in program("x = torch.tensor([0.3, 0.7])", f"y = {wrong}"):
            advance(run, s)
    assert found.value.what == "value" and not is_rounding(run, found.value)


OURS = "torch.__name__ == 'tapegrad'"


@pytest.mark.parametrize(
    "wrong",
    [
        "x.sum() * 1e-6 * (1.001 if OURS else 1.0)",  # a small number beside large ones
        "torch.autograd.grad(x.max(0)[0] if OURS else x.amax(), x)[0]",  # which of equal ones
        "torch.autograd.grad(((x - x).abs() + (x if OURS else 0)).sum(), x)[0]",  # a slope of 0
        "torch.arange(4, dtype=torch.float64).sqrt() * (1 + 1e-9 * OURS)",  # float64 beside float32
    ],
)
def test_what_perturbations_do_not_excuse(wrong: str) -> None:
    run = Run(torch)
    first = "x = torch.tensor([0.3, 0.7, 0.1, 0.7], requires_grad=True)"
    with pytest.raises(Difference) as found:
        for s in program(first, "z = x.detach() * 3", f"y = {wrong}".replace("OURS", f"({OURS})")):
            advance(run, s)
    assert found.value.what == "value" and not is_rounding(run, found.value)


@pytest.mark.parametrize(
    "text",
    [
        "x.softmax(0).sum() - SUM(x.softmax(0))",  # of equal numbers, out of inexact ones
        "torch.tensor([0.83, 0.24, 1.15, -1.39, -0.83]) @ torch.tensor([0.7, 0.78, 0.79, 1.8, -1.56])",
        "torch.autograd.grad((x.softmax(0) * 7.3).sum(), x)[0]",
        "torch.fft.ifft(x[torch.arange(20) % 1] * 100).real[1:]",
        "torch.fft.rfft(torch.ones(1).expand(7)).real[1:]",  # 0 but for rounding within the op
        "torch.ones(12, dtype=torch.float64).ldexp(x)",  # 2 ** x in float32
        "torch.addcmul(torch.full((12,), 0.7), x * 10, x * 0 - 0.7)",  # 0, of products that are rounded
    ],
)
def test_what_is_rounding(text: str) -> None:
    run = Run(torch)
    other = f"({text}) + (3e-7 if {OURS} else 0)".replace("SUM", "(lambda t: t[:5].sum() + t[5:].sum())")
    for s in program("x = torch.tensor([0.1] * 12, requires_grad=True)", f"y = {other}"):
        advance(run, s)


def test_overflow_is_told_from_a_bug() -> None:
    def run_both(wrong: str) -> None:
        run = Run(torch)
        second = f"y = {wrong} if torch.__name__ == 'tapegrad' else x * 0.0"
        for s in program("x = torch.tensor([1e+30])", second):
            advance(run, s)

    run_both("x * x - x * x")  # nan, and 0; of a smaller number both are 0
    for wrong in ("x * float('inf')", "x * 1.0"):
        with pytest.raises(Difference, match="value"):
            run_both(wrong)


def test_which_of_equal_elements_is_open_and_no_more() -> None:
    def differs(wrong: str) -> bool:
        run = Run(torch)
        first = "x = torch.tensor([[1.0, 2.0, 1.0], [3.0, 0.5, 0.5]])"
        second = f"y = torch.sort(x, 1) if torch.__name__ == 'torch' else {wrong}"
        try:
            for s in program(first, second):
                run.step(s)
        except Over:
            return False
        except Difference:
            return True
        return False

    values = "torch.tensor([[1.0, 1.0, 2.0], [0.5, 0.5, 3.0]])"
    assert not differs(f"({values}, torch.tensor([[2, 0, 1], [1, 2, 0]]))")  # ties the other way round
    assert differs(f"({values}, torch.tensor([[0, 1, 2], [1, 2, 0]]))")  # 2.0 is no tie
    assert differs(f"({values}, torch.tensor([[0, 0, 1], [1, 2, 0]]))")  # one element twice


def test_the_perturbation_keeps_what_is_equal_and_what_is_exact() -> None:
    for dtype in ("float32", "float64"):
        x = np.array([0.1, 0.1, -0.3, 0.5, 3.0, 0.0, -0.0, np.inf, np.nan, 1e-30, 12345.678], dtype)
        assert perturbed(x, Draw()) is x
        moved = [perturbed(x, Draw(i)) for i in range(1, 5)]
        for y in moved:
            assert y.dtype == x.dtype and y[0] == y[1]
            assert np.array_equal(y[3:9], x[3:9], equal_nan=True)
            assert np.allclose(y, x, rtol=4 * np.finfo(dtype).eps, atol=0, equal_nan=True)
        assert any((y != x)[[0, 2, 10]].any() for y in moved)


def test_the_same_number_is_the_same_program() -> None:
    (first, _), (second, _) = (run_program(torch, pick_of(3, 5)) for _ in range(2))
    assert text_of(first.done) == text_of(second.done)
    assert text_of(first.done) != text_of(run_program(torch, Pick(random.Random(0).randrange))[0].done)


def test_the_printed_program_runs_on_torch() -> None:
    run, _ = run_program(torch, pick_of(3, 8))
    found, _ = outcome(torch, run.done)
    assert found is None
    try:
        exec(compile(text_of(run.done), "program", "exec"), {})
    except Exception as error:  # noqa: BLE001 # a program may end in an error, which both libraries raise
        assert isinstance(error, (RuntimeError, IndexError, TypeError, ValueError, AttributeError))


def test_over_is_no_failure() -> None:
    assert issubclass(Over, Exception) and not issubclass(Over, AssertionError)


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--programs", "3", "--seed", "1"]) == 0
    assert "programs 0 to 2, 0 failed; go on with --seed 1 --first 3" in capsys.readouterr().out


def test_a_process_that_dies_is_noted_and_the_others_are_left() -> None:
    child = Child(1, range(1000), alone=False)
    assert child.report() is None  # it begins
    first = child.report()
    assert first is not None and first.number == 0
    os.kill(child.process.pid or 0, signal.SIGSEGV)
    found = []
    while not child.over:
        found.append(child.report())
    died = found[-1]
    assert died is not None and "SIGSEGV" in (died.crash or died.failure)
    assert list(child.numbers) == list(range(died.number + 1, 1000))
