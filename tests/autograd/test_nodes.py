"""Hooks of tensors and nodes, gradient edges, what nodes show, and the rules of backward and grad."""

import gc
import weakref

import pytest

import tapegrad as torch
from tests.autograd.comparing import same


def leaf(torch, n=3):
    return torch.arange(1.0, n + 1).requires_grad_()


def graph(torch):
    from importlib import import_module

    return import_module(f"{torch.__name__}.autograd.graph")


def last(name):
    return name.split("::")[-1]


# ---- backward and grad

CALLS = {
    "extra cotangents": lambda t, G, x: G(x.sum(), x, (t.tensor(2.0), t.tensor(3.0))),
    "too few": lambda t, G, x: G((x.sum(), x.sum()), x, t.tensor(1.0)),
    "none": lambda t, G, x: G((x.sum(),), x, ()),
    "unused": lambda t, G, x: G(x.sum(), leaf(t)),
    "unused allowed": lambda t, G, x: G(x.sum(), leaf(t), allow_unused=True),
    "unused zeros": lambda t, G, x: G(x.sum(), (x, leaf(t, 2)), materialize_grads=True),
    "contradiction": lambda t, G, x: G(x.sum(), leaf(t), materialize_grads=True, allow_unused=False),
    "several outputs": lambda t, G, x: G((x.sum(), (x * x), x[:1]), x, (None, t.ones(3), None)),
    "complex cotangent": lambda t, G, x: G(x.sum(), x, t.tensor(1j)),
    "integer cotangent": lambda t, G, x: G(x.sum(), x, t.tensor(2)),
    "float64 cotangent": lambda t, G, x: G(x.sum(), x, t.tensor(2.0).double()),
    "another shape": lambda t, G, x: G(x * 2, x, t.ones(1, 3)),
    "a number": lambda t, G, x: G(x.sum(), x, [1.0]),
    "the input itself": lambda t, G, x: G(x, x, t.ones(3)),
    "twice": lambda t, G, x: G(x.sum(), (x, x)),
    "no inputs": lambda t, G, x: G(x.sum(), ()),
    "one output without a graph": lambda t, G, x: G((x.sum(), t.ones(())), x),
    "old name": lambda t, G, x: (t.autograd.backward(x.sum(), grad_variables=t.tensor(2.0)), x.grad),
    "both names": lambda t, G, x: t.autograd.backward(x.sum(), t.tensor(1.0), grad_variables=t.tensor(2.0)),
    "several roots": lambda t, G, x: (t.autograd.backward((x.sum(), (x * x).sum())), x.grad),
    "roots with cotangents": lambda t, G, x: (
        t.autograd.backward((x, x * x), (t.ones(3), t.ones(3))),
        x.grad,
    ),
}


@pytest.mark.parametrize("what", CALLS)
def test_rules_of_backward_and_grad(what):
    same(lambda t: CALLS[what](t, t.autograd.grad, leaf(t)))


def test_how_gradients_add_up():
    def program(torch):
        x, w = leaf(torch), torch.ones(3, requires_grad=True)
        seen = []
        (x**3).sum().backward(create_graph=True)
        g = x.grad
        (x * 2).sum().backward()  # plain: in place, the graph stays
        seen.append((x.grad is g, x.grad, x.grad.grad_fn is not None))
        (x * x).sum().backward(create_graph=True)  # recorded: out of place
        seen.append((x.grad is g, x.grad))
        x.grad = w * 2
        g = x.grad
        (x * 2).sum().backward()
        seen.append((x.grad is g, x.grad))
        x.grad.sum().backward()
        return seen, w.grad

    same(program)


# ---- hooks


def test_order_of_hooks():
    def program(torch):
        seen = []

        def note(name, result=None):
            def hook(*gs):
                seen.append((name, gs))
                return result(*gs) if result else None

            return hook

        x = leaf(torch)
        h = x * 2
        h.register_hook(note("tensor", lambda g: g * 10))
        h.retain_grad()
        h.grad_fn.register_prehook(note("pre", lambda gs: (gs[0] * 100,)))
        h.grad_fn.register_hook(note("post", lambda gi, go: (gi[0] * 3, gi[1])))
        h.register_hook(note("tensor again"))
        accumulate = graph(torch).get_gradient_edge(x).node
        x.register_hook(note("leaf", lambda g: g + 1))
        accumulate.register_prehook(note("leaf pre"))
        accumulate.register_hook(note("leaf post"))
        x.register_post_accumulate_grad_hook(lambda p: seen.append(("after", p is x, p.grad)))
        h.sum().backward()
        return seen, h.grad, x.grad

    same(program)


def test_hooks_under_create_graph():
    def program(torch):
        x = leaf(torch)
        y = x**3
        y.grad_fn.register_hook(lambda gi, go: (gi[0] * 2,))
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return g, torch.autograd.grad(g.sum(), x)

    same(program)


POST = {
    "too few": lambda torch, gs: (gs[0],),
    "a tensor": lambda torch, gs: gs[0],
    "a list": lambda torch, gs: [gs[0], gs[1]],
    "a number": lambda torch, gs: (3, gs[1]),
    "None inside": lambda torch, gs: (None, gs[1]),
    "another shape": lambda torch, gs: (torch.ones(2), gs[1]),
}


@pytest.mark.parametrize("what", POST)
@pytest.mark.parametrize("kind", ["post", "pre"])
def test_what_node_hooks_return(what, kind):
    def program(torch):
        x, w = leaf(torch), leaf(torch)
        y = x * w
        if kind == "post":
            y.grad_fn.register_hook(lambda gi, go: POST[what](torch, gi))
        else:
            y.grad_fn.register_prehook(lambda go: POST[what](torch, (*go, *go)))
        y.sum().backward()
        return x.grad, w.grad

    same(program)


def test_post_accumulate_hooks():
    def program(torch):
        x, seen = leaf(torch), []
        handle = x.register_post_accumulate_grad_hook(
            lambda p: seen.append((p.grad, torch.is_grad_enabled()))
        )
        (x * 1).sum().backward()
        torch.autograd.grad((x * 1).sum(), x)  # accumulates nothing
        (x * 1).sum().backward(inputs=[x])
        (x * 1).sum().backward(create_graph=True)
        handle.remove()
        (x * 1).sum().backward()
        return seen

    same(program)
    for wrong in (lambda t: leaf(t) * 1, lambda t: t.ones(1)):
        assert (
            same(lambda t, wrong=wrong: wrong(t).register_post_accumulate_grad_hook(print)) == "RuntimeError"
        )


def test_a_step_in_the_hook():
    def program(torch):
        x = leaf(torch)

        def step(p):
            p.add_(p.grad, alpha=-0.1) if torch.__name__ == "torch" else p.sub_(p.grad * 0.1)
            p.grad = None

        x.register_post_accumulate_grad_hook(step)
        for _ in range(3):
            (x * x).sum().backward()
        return x, x.grad is None

    same(program)


@pytest.mark.parametrize("mode", ["all", "any", "some"])
def test_hooks_on_several_tensors(mode):
    def program(torch):
        a, b, c = leaf(torch), leaf(torch), leaf(torch)
        seen = []
        handle = graph(torch).register_multi_grad_hook((a, b, c, a), seen.append, mode=mode)
        (a * 2 + b).sum().backward()
        (a + b + c).sum().backward()
        handle.remove()
        (a + b + c).sum().backward()
        return seen

    same(program)


def test_hooks_on_several_tensors_after_an_error():
    a, b = leaf(torch), leaf(torch)
    seen = []
    graph(torch).register_multi_grad_hook((a, b), seen.append)
    fails = a.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (a + b).sum().backward()
    fails.remove()
    seen.clear()
    (a * 3 + b).sum().backward()
    assert [g.tolist() for g in seen[0]] == [[3.0] * 3, [1.0] * 3] and len(seen) == 1


# ---- nodes as users see them


def test_next_functions_saved_values_and_notes():
    def program(torch):
        x = leaf(torch)
        y = (x * x + torch.ones(3)).exp()
        n = y.grad_fn
        below = n.next_functions[0][0]
        names = [[last(m.name()) if m else None for m, _ in k.next_functions] for k in (n, below)]
        leaf_node = below.next_functions[0][0].next_functions[0][0]
        n.metadata["mine"] = 1
        product = (x * x).grad_fn
        saved = n._saved_result, product._saved_self, product._saved_other
        return names, leaf_node.variable is x, n.metadata, saved, isinstance(n, graph(torch).Node)

    same(program)

    def freed(torch):
        y = leaf(torch).exp()
        y.sum().backward()
        return y.grad_fn._saved_result

    assert same(freed) == "RuntimeError"
    assert same(lambda t: leaf(t).exp().grad_fn._saved_nothing) == "AttributeError"


EDGES = {
    "input": lambda t, e, x, y: t.autograd.grad(y.sum(), e(x)),
    "output": lambda t, e, x, y: t.autograd.grad(e(y), x, t.ones(3)),
    "scalar output": lambda t, e, x, y: t.autograd.grad(e(y.sum()), x),
    "output without cotangent": lambda t, e, x, y: t.autograd.grad(e(y), x),
    "another shape": lambda t, e, x, y: t.autograd.grad(e(y), x, t.ones(2)),
    "unused": lambda t, e, x, y: t.autograd.grad(y.sum(), e(leaf(t))),
    "unused, zeros": lambda t, e, x, y: t.autograd.grad(y.sum(), e(leaf(t)), materialize_grads=True),
    "backward": lambda t, e, x, y: (t.autograd.backward(e(y.sum()), inputs=(e(x),)), x.grad),
    "accumulate": lambda t, e, x, y: (t.autograd.backward(e(x), t.ones(3)), x.grad),
    "no grad": lambda t, e, x, y: e(t.ones(1)),
}


@pytest.mark.parametrize("what", EDGES)
def test_gradient_edges(what):
    def program(torch):
        x = leaf(torch)
        return EDGES[what](torch, graph(torch).get_gradient_edge, x, (x * x).exp())

    same(program)


def test_edges_of_functions_with_several_outputs():
    def program(torch):
        F = type(
            "F",
            (torch.autograd.Function,),
            {
                "forward": staticmethod(lambda ctx, a: (a * 2, a * 3)),
                "backward": staticmethod(lambda ctx, g, k: g * 2 + k * 3),
            },
        )
        x = leaf(torch)
        a, b = F.apply(x)
        edge = graph(torch).get_gradient_edge(b)
        return (
            edge.output_nr,
            edge.node is a.grad_fn,
            torch.autograd.grad((a * b).sum(), edge, retain_graph=True),
            torch.autograd.grad(edge, x, torch.ones(3)),
        )

    same(program)


def test_increment_version():
    def program(torch):
        x = leaf(torch)
        y = (x * x).sum()
        graph(torch).increment_version(x)
        y.backward()

    assert same(program) == "RuntimeError"


# ---- memory and depth


@pytest.mark.parametrize("depth", [3000, pytest.param(10**6, marks=pytest.mark.slow)])
def test_hooks_on_a_deep_graph(depth):
    gc.disable()
    try:
        x = y = torch.zeros(1, requires_grad=True)
        seen = []
        tensors = []
        for i in range(depth):
            y = y + 1
            if i % (depth // 10) == 0:
                y.grad_fn.register_hook(lambda gi, go: seen.append(1))
                y.register_hook(lambda g: seen.append(2))
                tensors.append(y)
        graph(torch).register_multi_grad_hook(tensors, lambda gs: seen.append(len(gs)))
        (g,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
        assert g.requires_grad and sorted(seen) == [1] * 10 + [2] * 10 + [10]
        there = weakref.ref(y)
        memory = weakref.ref(tensors[3]._a)
        del y, g, tensors
        assert there() is None and memory() is None
    finally:
        gc.enable()
