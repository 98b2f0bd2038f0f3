"""gradcheck and gradgradcheck: what passes, what must not, and what they say."""

import pytest

import tapegrad as torch
from tapegrad.autograd import Function, gradcheck, gradgradcheck
from tapegrad.autograd.gradcheck import GradcheckError
from tests.autograd.comparing import same


def inputs(torch):
    x = (torch.arange(6.0, dtype=torch.float64).reshape(3, 2) / 5).requires_grad_()
    w = (torch.arange(4.0, dtype=torch.float64).reshape(2, 2) / 3 - 0.4).requires_grad_()
    return x, w


def function(torch):
    return lambda x, w: (torch.tanh(x @ w).sum(0), (x * x).sum())


def wrong(torch, factor=1.5):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * factor * ctx.saved_tensors[0]

    return Wrong.apply


EVERYTHING = {
    "check_forward_ad": True,
    "check_batched_grad": True,
    "check_batched_forward_grad": True,
    "check_grad_dtypes": True,
}


@pytest.mark.parametrize("options", [{}, {"fast_mode": True}, EVERYTHING, {**EVERYTHING, "fast_mode": True}])
def test_right_gradients_pass(options):
    assert same(lambda t: t.autograd.gradcheck(function(t), inputs(t), **options)) is True


@pytest.mark.parametrize(
    "options", [{}, {"fast_mode": True}, {"check_fwd_over_rev": True}, {"check_batched_grad": True}]
)
def test_right_second_derivatives_pass(options):
    assert same(lambda t: t.autograd.gradgradcheck(function(t), inputs(t), **options)) is True


@pytest.mark.parametrize("options", [{}, {"fast_mode": True}, {"raise_exception": False}])
def test_wrong_gradients_do_not(options):
    for n in (1, 2):  # the first derivative is wrong, or the second
        f = (lambda t: wrong(t)) if n == 1 else (lambda t: lambda x: wrong(t, 2.0)(x) * x.detach())
        check = "gradcheck" if n == 1 else "gradgradcheck"
        result = same(lambda t, f=f, check=check: getattr(t.autograd, check)(f(t), inputs(t)[0], **options))
        assert result in ("GradcheckError", False)


def test_the_message_says_where_and_how_much():
    text = r"output 0 by input 0 \(backward\) differs .* element 5 of the input and 5 of the output"
    with pytest.raises(GradcheckError, match=text):
        gradcheck(wrong(torch), inputs(torch)[0])
    with pytest.raises(GradcheckError, match=r"analytical:\n.*\nnumerical:\n"):
        gradcheck(wrong(torch), inputs(torch)[0], fast_mode=True)


def test_a_backward_that_changes_its_mind():
    def program(torch, tolerance):
        calls = []

        class Drifting(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                calls.append(1)
                return g * (2 + 1e-7 * len(calls))

        return torch.autograd.gradcheck(Drifting.apply, inputs(torch)[0], nondet_tol=tolerance)

    assert same(lambda t: program(t, 0.0)) == "GradcheckError"
    assert same(lambda t: program(t, 1e-3)) is True


def test_a_backward_for_which_zeros_are_not_none():
    class Careless(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, k):
            return g * 2 if k is None else k * 3 if g is None else (g * 2 + k * 3) * 2

    with pytest.raises(GradcheckError, match="take None for zeros"):
        gradcheck(Careless.apply, inputs(torch)[0])


@pytest.mark.parametrize(
    "options",
    [
        {"check_backward_ad": False},
        {"check_batched_grad": True, "check_backward_ad": False, "check_forward_ad": True},
        {"check_batched_forward_grad": True},
    ],
)
def test_options_that_do_not_go_together(options):
    assert isinstance(same(lambda t: t.autograd.gradcheck(function(t), inputs(t), **options)), str)


def test_inputs():
    assert same(lambda t: t.autograd.gradcheck(t.exp, t.ones(2, dtype=t.float64))) == "ValueError"
    with pytest.warns(UserWarning, match="float64"):
        gradcheck(lambda x: x * 2, torch.ones(2, requires_grad=True), eps=1e-2, atol=1e-1)
    empty = torch.ones((0, 2), dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: x * 2, empty) and gradgradcheck(lambda x: x * 2, empty)


def test_the_module_has_torch_s_name_and_can_be_called():
    from tapegrad import autograd

    assert autograd.gradcheck(torch.exp, inputs(torch)[0])
    assert issubclass(GradcheckError, RuntimeError)
