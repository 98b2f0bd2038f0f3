"""torch.autograd.Function: both forms, marks, checks of what backward returns, memory."""

import gc
import weakref

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.autograd import Function
from tests.autograd.comparing import same


def make(torch, forward, backward=lambda ctx, *g: g[0], setup=None, name="F"):
    parts = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    if setup is not None:
        parts["setup_context"] = staticmethod(setup)
    return type(name, (torch.autograd.Function,), parts)


def leaf(torch, n=3):
    return torch.arange(1.0, n + 1).requires_grad_()


def product(torch):
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * b, g * a

    return make(torch, forward, backward, name="Product")


def test_first_and_second_derivatives():
    def program(torch):
        x, y = leaf(torch), torch.full((3,), 2.0, requires_grad=True)
        z = product(torch).apply(x, y)
        gx, gy = torch.autograd.grad((z * z).sum(), (x, y), create_graph=True)
        return z, gx, gy, torch.autograd.grad((gx * gy).sum(), (x, y))

    same(program)


def test_setup_context_defaults_and_keywords():
    def program(torch):
        seen = []

        def setup(ctx, inputs, output):
            seen.append((len(inputs), inputs[1], output.requires_grad))
            ctx.k = inputs[1]

        F = make(torch, lambda a, k=3: a * k, lambda ctx, g: (g * ctx.k, None), setup)
        x = leaf(torch)
        gs = [
            torch.autograd.grad(F.apply(*a, **k).sum(), x)
            for a, k in (((x,), {}), ((x, 4), {}), ((x,), {"k": 5}))
        ]
        return gs, seen

    same(program)


def test_names_and_reprs():
    x = leaf(torch)
    z = product(torch).apply(x, x)
    assert repr(z) == "tensor([1., 4., 9.], grad_fn=<ProductBackward>)"
    assert repr(z.grad_fn).startswith("<torch.autograd.function.ProductBackward object at 0x")
    assert z.grad_fn.name() == type(z.grad_fn).__name__ == "ProductBackward"
    assert [(n.name(), i) for n, i in z.grad_fn.next_functions] == [("AccumulateGrad", 0)] * 2


def test_outputs_of_every_sort():
    def program(torch):
        seen = []

        def forward(ctx, a):
            return [a * 2], 5, None, a * 3, "s", a > 1, a.long()

        def backward(ctx, *gs):
            seen.append([g if g is None else g.tolist() for g in gs])
            return gs[3]

        x = leaf(torch)
        out = make(torch, forward, backward).apply(x)
        out[3].sum().backward()
        return (
            x.grad,
            seen,
            [o.requires_grad for o in out if hasattr(o, "requires_grad")],
            out[1],
            out[2],
            out[4],
        )

    same(program)


@pytest.mark.parametrize("materialize", [True, False])
def test_gradients_of_outputs_that_nobody_used(materialize):
    def program(torch):
        seen = []

        def forward(ctx, a):
            ctx.set_materialize_grads(materialize)
            return a * 2, a * 3

        def backward(ctx, g, k):
            seen.append((g, k))
            return g if k is None else k * 3 if g is None else g * 2 + k * 3

        x = leaf(torch)
        a, b = make(torch, forward, backward).apply(x)
        b.sum().backward()
        return a.grad_fn is b.grad_fn, a.output_nr, b.output_nr, seen, x.grad

    same(program)


RETURNS = {
    "None": lambda torch, g: None,
    "too many": lambda torch, g: (g, g),
    "None too many": lambda torch, g: (g, None),
    "too few": lambda torch, g: (),
    "a number": lambda torch, g: 3,
    "a list": lambda torch, g: [g],
    "another shape": lambda torch, g: torch.ones(2),
    "a scalar": lambda torch, g: torch.tensor(1.0),
    "before a broadcast": lambda torch, g: torch.ones(2, 3),
    "float64": lambda torch, g: g.double(),
    "integers": lambda torch, g: g.long(),
}


@pytest.mark.parametrize("what", RETURNS)
def test_what_backward_returns(what):
    def program(torch):
        x = leaf(torch)
        make(torch, lambda ctx, a: a * 1, lambda ctx, g: RETURNS[what](torch, g)).apply(x).sum().backward()
        return x.grad

    same(program)


def test_a_gradient_for_what_is_no_tensor():
    def program(torch):
        x = leaf(torch)
        make(torch, lambda ctx, a, k: a * k, lambda ctx, g: (g, g)).apply(x, 3).sum().backward()

    assert same(program) == "RuntimeError"


def test_messages_name_the_function_and_the_shapes():
    x = leaf(torch)
    for result, text in (
        (lambda g: torch.ones(2), r"F backward: result 0 is \[2\] and the input \[3\]"),
        (lambda g: (g, g), r"F backward: it returned 2 gradients and forward has 1 argument"),
        (lambda g: 3, "F backward: result 0 is int; a Tensor or None is needed"),
    ):
        with pytest.raises(RuntimeError, match=text):
            make(torch, lambda ctx, a: a * 1, lambda ctx, g, result=result: result(g)).apply(
                x
            ).sum().backward()


def test_dirty_inputs():
    def program(torch):
        def forward(ctx, a):
            ctx.mark_dirty(a)
            a.add_(1)
            return a

        F = make(torch, forward, lambda ctx, g: g * 5)
        x = leaf(torch)
        h = x * 1
        r = F.apply(h)
        results = [r is h, h.grad_fn.name().split("::")[-1]]
        whole = x * 1
        part = whole[:2]
        F.apply(part)
        results += [whole.grad_fn.name().split("::")[-1], *torch.autograd.grad(h.sum() + whole.sum(), x)]
        try:
            F.apply(x)
        except RuntimeError:
            results.append("a leaf is refused")
        return results

    assert same(program)[-1] == "a leaf is refused"


@pytest.mark.parametrize("how", ["not returned", "view and two outputs"])
def test_dirty_marks_that_cannot_be(how):
    def program(torch):
        def forward(ctx, a):
            ctx.mark_dirty(a)
            a.add_(1)
            return a * 2 if how == "not returned" else (a, a * 2)

        make(torch, forward, lambda ctx, *g: g[0]).apply((leaf(torch) * 1)[:2])

    assert same(program) == "RuntimeError"


def test_non_differentiable_outputs():
    def program(torch):
        def forward(ctx, a):
            b, c = a * 2, a * 3
            ctx.mark_non_differentiable(c)
            return b, c

        x = leaf(torch)
        b, c = make(torch, forward, lambda ctx, g, k: g * 2 + k).apply(x)
        b.sum().backward()

        def itself(ctx, a):
            ctx.mark_non_differentiable(a)
            return a

        y = make(torch, itself).apply(x)
        return x.grad, c, y is x, y.requires_grad

    same(program)


@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[:2]])
def test_an_output_that_shows_an_input_refuses_writes(view):
    def outputs(torch):
        h = leaf(torch) * 1
        return h, make(torch, lambda ctx, a: view(a), lambda ctx, g: g * 5).apply(h)

    def write(torch):
        outputs(torch)[1].add_(1)

    def write_to_the_input(torch):
        h, y = outputs(torch)
        h.add_(1)
        return y.grad_fn

    def backward(torch):
        x = leaf(torch)
        y = make(torch, lambda ctx, a: a, lambda ctx, g: g * 5).apply(x)
        y.sum().backward()
        return y is x, y.data_ptr() == x.data_ptr(), x.grad

    assert same(write) == same(write_to_the_input) == "RuntimeError"
    same(backward)


def test_saved_tensors():
    def program(torch):
        seen = []

        def forward(ctx, a):
            y = a.exp()
            ctx.save_for_backward(y, None, a)
            return y

        def backward(ctx, g):
            y, nothing, a = ctx.saved_tensors
            seen.append((y.requires_grad, nothing, a.requires_grad, torch.is_grad_enabled()))
            return g * y

        x = leaf(torch)
        F = make(torch, forward, backward)
        (g,) = torch.autograd.grad(F.apply(x).sum(), x, create_graph=True)
        return torch.autograd.grad(g.sum(), x), seen

    same(program)


@pytest.mark.parametrize("which", ["input", "output"])
def test_a_saved_tensor_that_was_written(which):
    def program(torch):
        def forward(ctx, a):
            y = a.exp()
            ctx.save_for_backward(a if which == "input" else y)
            return y

        h = leaf(torch) * 1
        y = make(torch, forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(h)
        (h if which == "input" else y).add_(1)
        y.sum().backward()

    assert same(program) == "RuntimeError"
    with pytest.raises(
        RuntimeError, match=r"F backward: a float32\[3\] array that F saved .* was written in place"
    ):
        program(torch)


def test_a_graph_is_used_once_if_something_was_saved():
    def program(torch, save):
        def forward(ctx, a):
            if save:
                ctx.save_for_backward(a)
            return a * 2

        x = leaf(torch)
        y = make(torch, forward, lambda ctx, g: g * (ctx.saved_tensors[0] if save else 2)).apply(x).sum()
        y.backward(retain_graph=True)
        y.backward()
        y.backward()
        return x.grad

    assert same(lambda t: program(t, True)) == "RuntimeError"
    same(lambda t: program(t, False))


def test_misuse():
    programs = {
        "saving a number": lambda t: make(t, lambda ctx, a: ctx.save_for_backward(a, 3)).apply(leaf(t)),
        "no backward": lambda t: (
            type("F", (t.autograd.Function,), {"forward": staticmethod(lambda ctx, a: a * 1)})
            .apply(leaf(t))
            .sum()
            .backward()
        ),
        "no forward": lambda t: type("F", (t.autograd.Function,), {}).apply(leaf(t)),
        "an instance": lambda t: product(t)()(leaf(t), leaf(t)),
        "too few arguments": lambda t: product(t).apply(leaf(t)),
        "saving a returned input": lambda t: make(
            t, lambda a: a, lambda ctx, g: g, lambda ctx, i, o: ctx.save_for_backward(i[0])
        ).apply(leaf(t)),
        "two rules": lambda t: (
            type(
                "F",
                (t.autograd.Function,),
                {k: staticmethod(lambda ctx, a: a * 2) for k in ("forward", "backward", "vjp")},
            )
            .apply(leaf(t))
            .sum()
            .backward()
        ),
    }
    for name, program in programs.items():
        assert isinstance(same(program), str), name


def test_once_differentiable():
    def program(torch):
        from importlib import import_module

        once = import_module(f"{torch.__name__}.autograd.function").once_differentiable

        def forward(ctx, a):
            ctx.save_for_backward(a)
            return a * a

        F = make(torch, forward, once(lambda ctx, g: 2 * g * ctx.saved_tensors[0]))
        x = leaf(torch)
        (first,) = torch.autograd.grad(F.apply(x).sum(), x, create_graph=True)
        (g,) = torch.autograd.grad((F.apply(x) * x).sum(), x, create_graph=True)
        try:
            g.sum().backward()
        except RuntimeError:
            return first, g
        return "it was differentiated"

    same(program)


def test_no_graph_no_node():
    def program(torch):
        F = product(torch)
        x = leaf(torch)
        with torch.no_grad():
            y = F.apply(x, x)
        return y, F.apply(x.detach(), x.detach()), F.apply(x.long(), x.long())

    same(program)


def test_hooks_on_a_function_with_several_outputs():
    def program(torch):
        seen = []
        x = leaf(torch)
        a, b = make(torch, lambda ctx, a: (a * 2, a * 3), lambda ctx, g, k: g + k).apply(x)
        a.grad_fn.register_prehook(lambda gs: seen.append(("pre", gs)))
        a.grad_fn.register_hook(lambda gi, go: seen.append(("post", gi, go)))
        b.register_hook(lambda g: g * 10)
        b.sum().backward()
        return seen, x.grad

    same(program)


def test_the_graph_as_data_goes_through_functions():
    from tapegrad.autograd.graph import graph

    x = torch.tensor(2.0, requires_grad=True)
    g = graph(product(torch).apply(x, x * 3))
    (v,) = (v for v in g.vertices if v.op == "Product")
    assert v.title == "ProductBackward" and [float(d) for d in v.locals] == [6.0, 2.0]
    assert float(g.find(x).gradient) == 12.0
    a, b = make(torch, lambda ctx, a: (a * 2, a * 3), lambda ctx, g, k: g * 2 + k * 3).apply(x)
    g = graph(a + b)
    assert float(g.find(x).gradient) == 5.0 and [v.op for v in g.vertices] == ["", "F", "F", "add"]


def test_functions_inside_transforms():
    from tapegrad import func

    class Square(Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    x = torch.arange(6.0).reshape(2, 3)
    assert func.grad(lambda x: Square.apply(x).sum())(x).tolist() == (2 * x).tolist()
    assert func.vmap(func.grad(lambda x: Square.apply(x).sum()))(x).tolist() == (2 * x).tolist()


def test_nothing_is_kept_and_no_cycle_is_left():
    gc.disable()
    try:
        for several in (False, True):

            def forward(ctx, a, several=several):
                y = a.exp()
                ctx.save_for_backward(y, a)
                return (y, y * 2) if several else y

            def backward(ctx, *gs):
                return gs[0] * ctx.saved_tensors[0]

            x = torch.ones(1000, requires_grad=True)
            y = make(torch, forward, backward).apply(x)
            y = y[0] if several else y
            node, values = weakref.ref(y.grad_fn), weakref.ref(y._a)
            z = y.sum()
            del y
            assert values() is not None
            z.backward()
            assert values() is None  # freed with the graph
            assert node() is not None
            del z
            assert node() is None
    finally:
        gc.enable()


def test_a_gradient_that_somebody_else_holds_is_not_kept():
    kept = torch.ones(3)
    a, b = leaf(torch), leaf(torch)
    F = make(torch, lambda ctx, a, b: a + b, lambda ctx, g: (kept, kept))
    F.apply(a, b).sum().backward()
    a.grad.zero_()
    assert kept.tolist() == b.grad.tolist() == [1.0] * 3


@pytest.mark.parametrize("depth", [3000, pytest.param(10**6, marks=pytest.mark.slow)])
def test_deep_graphs_of_functions(depth):
    class Next(Function):
        @staticmethod
        def forward(ctx, a):
            return a + 1

        @staticmethod
        def backward(ctx, g):
            return g * 1

    x = y = torch.zeros(1, requires_grad=True)
    for _ in range(depth):
        y = Next.apply(y)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert g.item() == 1 and y.item() == depth
    del y, g


def test_the_node_forwards_what_forward_left():
    x = leaf(torch)
    z = product(torch).apply(x, x)
    assert [t.tolist() for t in z.grad_fn.saved_tensors] == [x.tolist()] * 2
    assert z.grad_fn.needs_input_grad == (True, True)
    with pytest.raises(AttributeError):
        z.grad_fn.no_such_name  # noqa: B018 # for its exception
    np.testing.assert_array_equal(z.detach().numpy(), [1, 4, 9])
