"""Complex gradients where cotangents cross the border between the tape and users, against torch: all numbers
here are small integers, so that results are equal to the last bit."""

import pytest

import tapegrad
from tapegrad import func
from tests.autograd.both import same

torch = pytest.importorskip("torch")


def leaf(t, values=(1 + 2j, 3 - 1j)):
    return t.tensor(list(values), dtype=t.complex128, requires_grad=True)


def loss(z):
    return (z * z).real.sum() + (z.imag * 3).sum()


def noted(seen, result=None):
    def hook(*gs):
        seen.append(gs)
        return result(*gs) if result else None

    return hook


def function(t):
    class Times(t.autograd.Function):
        @staticmethod
        def forward(ctx, z, a):
            ctx.save_for_backward(z, a)
            return z * a

        @staticmethod
        def backward(ctx, g):
            z, a = ctx.saved_tensors
            ctx.seen.append(g.detach().clone()) if hasattr(ctx, "seen") else None
            return g * a.conj(), (g * z.conj()).real

    return Times


def backward(t, z, y, **more):
    y.backward(**more)
    return z.grad


def accumulated(t):
    z = leaf(t)
    for _ in range(3):
        loss(z).backward()
    return z.grad


def of_a_part(t):
    z = leaf(t)
    t.autograd.backward([z.real.sum(), z.imag.sum()], [None, t.tensor(2.0, dtype=t.float64)])
    return z.grad


def retained(t):
    z = leaf(t)
    y = z * (2 + 1j)
    y.retain_grad()
    for _ in range(2):
        loss(y).backward(retain_graph=True)
    return y.grad, z.grad


def hooked(t):
    z, seen = leaf(t), []
    z.register_hook(noted(seen))
    y = z * z
    y.register_hook(noted(seen, lambda g: g * 1j))
    loss(y).backward()
    return seen, z.grad


def hooked_nodes(t):
    z, seen = leaf(t), []
    y = z * (1 - 2j)
    y.grad_fn.register_prehook(noted(seen, lambda gs: (gs[0] * 1j,)))
    y.grad_fn.register_hook(noted(seen))
    loss(y).backward()
    return [[g for gs in call for g in gs if g is not None] for call in seen], z.grad


def hooked_after(t):
    z, seen = leaf(t), []
    z.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    loss(z).backward()
    return seen


def to_inputs(t):
    z = leaf(t)
    y = z * 1j
    loss(y).backward(inputs=[y, z])
    return z.grad


def with_function(t):
    z, a = leaf(t), t.tensor([2.0, 3.0], dtype=t.float64, requires_grad=True)
    y = function(t).apply(z, a)
    loss(y).backward()
    return y, z.grad, a.grad


def second(t):
    z = leaf(t)
    (g,) = t.autograd.grad(loss(z * z * z), z, create_graph=True)
    u = t.tensor([1 - 1j, 2j], dtype=t.complex128)
    return g, t.autograd.grad(g, z, u)


def second_with_function(t):
    z, a = leaf(t), t.tensor([2.0, 3.0], dtype=t.float64, requires_grad=True)
    g, _ = t.autograd.grad(loss(function(t).apply(z * z, a)), (z, a), create_graph=True)
    loss(g).backward()
    return z.grad, a.grad


def second_into_grad(t):
    z = leaf(t)
    loss(z * z).backward(create_graph=True)
    g, z.grad = z.grad, None
    loss(g).backward()
    return g, z.grad


def several_outputs(t):
    z = leaf(t)
    a, b = z.unbind()
    loss((a * b * b)[None]).backward()
    return z.grad


def promoted(t):
    z, a = leaf(t), t.tensor([2.0, 3.0], dtype=t.float64, requires_grad=True)
    loss(z * a + a * 1j).backward()
    return z.grad, a.grad


def written(t):
    z = leaf(t)
    y = z * 2
    y.real = y.imag * 3
    y.imag.mul_(2)
    t.view_as_real(y)[0, 1] = 5
    loss(y * y).backward()
    return y, z.grad


def on_parameters(t):
    layer = t.nn.Linear(2, 2, dtype=t.complex128)
    with t.no_grad():
        layer.weight.copy_(t.tensor([[1j, 2], [3, -1j]]))
        layer.bias.copy_(t.tensor([1j, 1 - 1j]))
    optimizer = t.optim.SGD(layer.parameters(), lr=0.5, momentum=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        loss(layer(leaf(t)[None])).backward()
        optimizer.step()
    return list(layer.parameters())


BORDERS = {
    "a leaf": lambda t: (lambda z: backward(t, z, loss(z)))(leaf(t)),
    "a seed": lambda t: (lambda z: backward(t, z, z * z, gradient=t.tensor([1j, 2], dtype=t.complex128)))(
        leaf(t)
    ),
    "a seed of another precision": lambda t: (lambda z: backward(t, z, z * z, gradient=t.tensor([1j, 2])))(
        leaf(t)
    ),
    "the root itself": lambda t: (
        lambda z: backward(t, z, z, gradient=t.tensor([1j, 2], dtype=t.complex128))
    )(leaf(t)),
    "grad": lambda t: (lambda z: t.autograd.grad(loss(z * z), z))(leaf(t)),
    "grad of what is no leaf": lambda t: (lambda y: t.autograd.grad(loss(y * y), y))(leaf(t) * 1j),
    "batched": lambda t: (
        lambda z: t.autograd.grad(
            z * z, z, t.tensor([[1j, 2], [1, 1 + 1j]], dtype=t.complex128), is_grads_batched=True
        )
    )(leaf(t)),
    "no seed": lambda t: leaf(t).sum().backward(),
    "no seed of one element": lambda t: t.autograd.grad(leaf(t)[0], leaf(t)),
    "a real seed of a complex root": lambda t: leaf(t).sum().backward(t.tensor(1.0, dtype=t.float64)),
    "jacobian": lambda t: t.autograd.functional.jacobian(lambda z: (z * z).real, leaf(t).detach()),
    "functional vjp": lambda t: t.autograd.functional.vjp(
        lambda z: z * z, leaf(t).detach(), t.tensor([1j, 2], dtype=t.complex128)
    ),
    "functional jvp": lambda t: t.autograd.functional.jvp(
        lambda z: z * z.conj(), leaf(t).detach(), t.tensor([1j, 2], dtype=t.complex128)
    ),
    "func.grad": lambda t: t.func.grad(loss)(leaf(t).detach()),
    "func.vjp": lambda t: t.func.vjp(lambda z: z * z, leaf(t).detach())[1](
        t.tensor([1j, 2], dtype=t.complex128)
    ),
    "func.jvp": lambda t: t.func.jvp(
        lambda z: z.conj() * z, (leaf(t).detach(),), (t.tensor([1j, 2], dtype=t.complex128),)
    ),
    **{
        f.__name__: f
        for f in (
            accumulated,
            of_a_part,
            retained,
            hooked,
            hooked_nodes,
            hooked_after,
            to_inputs,
            with_function,
            second,
            second_with_function,
            second_into_grad,
            several_outputs,
            promoted,
            written,
            on_parameters,
        )
    },
}


@pytest.mark.parametrize("what", BORDERS)
def test_borders(what):
    same(torch, BORDERS[what], warns=False)


FUNCTIONS = {
    "holomorphic": lambda z: (z.exp() / z).sin(),
    "parts": lambda z: z.real * z.imag.exp(),
    "magnitude": lambda z: z.abs() ** 3 + z.angle(),
    "directions": lambda z: tapegrad.sgn(z) * z.conj(),
    "products": lambda z: tapegrad.vdot(z, z * z)[None] + (z[:, None] @ z[None]).mH.sum(),
    "pairs": lambda z: tapegrad.view_as_complex(tapegrad.view_as_real(z) ** 2),
    "polar": lambda z: tapegrad.polar(z.abs(), z.imag),
    "spread": lambda z: z.var() * z.std() + z.norm(3),
}


@pytest.mark.parametrize("what", FUNCTIONS)
def test_finite_differences_of_first_and_second_derivatives(what):
    z = tapegrad.tensor([1 + 2j, 3 - 1j, -0.5 + 0.25j], dtype=tapegrad.complex128, requires_grad=True)
    f = FUNCTIONS[what]
    assert tapegrad.autograd.gradcheck(f, z, check_forward_ad=True)
    assert tapegrad.autograd.gradgradcheck(f, z, check_fwd_over_rev=True)


def test_a_wrong_conjugate_is_found():
    class Slip(function(tapegrad)):
        @staticmethod
        def backward(ctx, g):
            z, a = ctx.saved_tensors
            return g * a, (g * z).real

    z, a = leaf(tapegrad), tapegrad.tensor([2.0, 3.0], dtype=tapegrad.float64, requires_grad=True)
    with pytest.raises(tapegrad.autograd.gradcheck.__globals__["GradcheckError"]):
        tapegrad.autograd.gradcheck(Slip.apply, (z, a))


def test_a_linearised_function_is_its_jvp():
    z, v = leaf(tapegrad).detach(), tapegrad.tensor([1j, 2 - 1j], dtype=tapegrad.complex128)

    def f(z):
        return z * z.conj() + z.abs()

    found = func.linearize(f, z)[1](v)
    assert tapegrad.allclose(found, func.jvp(f, (z,), (v,))[1], rtol=1e-14)


def test_a_conjugate_is_a_copy_and_parts_are_views():
    z = tapegrad.tensor([1 + 2j, 3j])
    z.conj().mul_(2)
    z.real[0] = 5
    z.imag = 7
    assert z.tolist() == [5 + 7j, 7j]
    assert not z.conj().is_conj() and z.real._is_view() and z.imag.storage_offset() == 1


@pytest.mark.parametrize("values", [[1 + 2j], [[1.5 - 1j, 2], [0, 1j]], 2j])
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_printing(values, dtype):
    same(torch, lambda t: repr(t.tensor(values, dtype=getattr(t, dtype))))


def test_streams_of_random_numbers():
    def f(t):
        t.manual_seed(3)
        return t.randn(20, dtype=t.complex64), t.rand(3, dtype=t.complex128), t.randn(3, dtype=t.complex128)

    for a, b in zip(f(tapegrad), f(torch), strict=True):
        assert abs(a.numpy() - b.numpy()).max() <= 1e-6
