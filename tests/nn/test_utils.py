"""nn.utils, against torch."""

from __future__ import annotations

import pytest

from tests.nn.programs import compare, raised

torch = pytest.importorskip("torch")


def trained(t, scale=10.0):
    net = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Linear(4, 1))
    (net(t.ones(2, 3)).sum() * scale).backward()
    return net


def clipping(t):
    log, U = [], t.nn.utils
    for norm_type in (2.0, 1, float("inf")):
        for most in (0.5, 1000.0):
            net = trained(t)
            log += [U.clip_grad_norm_(net.parameters(), most, norm_type), [p.grad for p in net.parameters()]]
    net = trained(t)
    U.clip_grad_value_(net.parameters(), 2.0)
    log += [[p.grad for p in net.parameters()], U.get_total_norm([p.grad for p in net.parameters()])]
    one = next(trained(t).parameters())
    log += [
        U.clip_grad_norm_(one, 1.0),
        one.grad,
        U.clip_grad_norm_([], 1.0),
        U.clip_grad_norm_([t.ones(1)], 1),
    ]
    bad = t.ones(1, requires_grad=True)
    bad.grad = t.tensor([float("nan")])
    return [*log, raised(lambda: U.clip_grad_norm_(bad, 1.0, error_if_nonfinite=True)), bad.grad]


def vectors(t):
    U, net = t.nn.utils, trained(t)
    flat = U.parameters_to_vector(net.parameters())
    log = [flat, flat.requires_grad]
    U.vector_to_parameters(t.arange(21.0), net.parameters())
    log += [[p.detach() for p in net.parameters()], [p.requires_grad for p in net.parameters()]]
    return [*log, raised(lambda: U.vector_to_parameters([1.0], net.parameters()))]


def fusion(t):
    U, nn, log = t.nn.utils, t.nn, []
    for layer, norm, x in (
        (nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), t.randn(2, 3, 4, 4)),
        (nn.Conv1d(3, 4, 2, bias=False), nn.BatchNorm1d(4, affine=False), t.randn(2, 3, 4)),
        (nn.ConvTranspose2d(3, 4, 2), nn.BatchNorm2d(4), t.randn(2, 3, 4, 4)),
        (nn.Linear(3, 4), nn.BatchNorm1d(4), t.randn(2, 3)),
        (nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), t.randn(2, 3)),
    ):
        norm(t.randn(5, *layer(x).shape[1:]) * 2 + 1)  # running statistics
        is_linear = isinstance(layer, nn.Linear)
        more = () if is_linear else (isinstance(layer, nn.ConvTranspose2d),)
        fuse = U.fuse_linear_bn_eval if is_linear else U.fuse_conv_bn_eval
        log.append(raised(lambda fuse=fuse, layer=layer, norm=norm: fuse(layer, norm)))
        fused = fuse(layer.eval(), norm.eval(), *more)
        log += [fused.weight, fused.bias, fused.weight.requires_grad, fused.bias.requires_grad]
        assert t.allclose(fused(x), norm(layer(x)), atol=1e-5) and fused is not layer
    log.append(raised(lambda: U.fuse_linear_bn_eval(nn.Linear(3, 4).eval(), nn.BatchNorm1d(3).eval())))
    plain = nn.BatchNorm1d(4, track_running_stats=False).eval()
    return [*log, raised(lambda: U.fuse_linear_bn_eval(nn.Linear(3, 4).eval(), plain))]


@pytest.mark.parametrize("program", [clipping, vectors, fusion])
def test_as_torch(program):
    compare(program, torch)
