"""autocast: where it is on, what it converts once, how it ends. test_policy.py says which operations."""

import gc
import subprocess
import sys
import threading
import warnings
from functools import partial
from weakref import ref

import pytest

import tapegrad
from tapegrad import TapegradWarning, amp, nn
from tapegrad._state import autocast, special
from tapegrad.nn import functional as F
from tapegrad.utils.checkpoint import checkpoint
from tests.ops.comparing import attempt_quietly

BF16, F16, F32 = tapegrad.bfloat16, tapegrad.float16, tapegrad.float32


def leaf(*shape):
    """A leaf that requires grad."""
    return tapegrad.randn(*shape, requires_grad=True)


def states(lib):
    """What the switches say, before, within and after blocks."""
    found = []

    def note():
        found.append(
            [
                lib.is_autocast_enabled("cpu"),
                lib.is_autocast_cpu_enabled(),
                lib.is_autocast_enabled(),
                str(lib.get_autocast_dtype("cpu")),
                str(lib.get_autocast_cpu_dtype()),
                str(lib.get_autocast_gpu_dtype()),
                lib.is_autocast_cache_enabled(),
                str((lib.ones(2, 2) @ lib.ones(2, 2)).dtype),
            ]
        )

    note()
    with lib.autocast("cpu", cache_enabled=False):
        note()
        with lib.autocast("cpu", enabled=False):
            note()
            with lib.autocast("cpu", dtype=lib.float16):
                note()
        note()
    with lib.cpu.amp.autocast(dtype=lib.float16):
        note()
    lib.set_autocast_cpu_dtype(lib.float16)
    lib.set_autocast_cpu_enabled(True)
    note()
    lib.set_autocast_enabled("cpu", False)
    lib.set_autocast_dtype("cpu", lib.bfloat16)
    lib.set_autocast_cache_enabled(True)
    note()
    found += [lib.autocast_increment_nesting(), lib.autocast_decrement_nesting()]
    found += [amp_is(lib, d) for d in ("cpu", "cuda", "xpu", "meta")]
    return found


def amp_is(lib, device):
    """Whether autocast is there for a device."""
    return lib.amp.is_autocast_available(device)


def mistakes(lib):
    """The classes of what goes wrong."""
    calls = [
        lambda: lib.autocast(3),
        lambda: lib.autocast("nothing"),
        lambda: lib.autocast("meta"),
        lambda: lib.autocast("cpu")(3),
        lambda: lib.is_autocast_enabled("nothing"),
        lambda: lib.is_autocast_enabled(1),
        lambda: lib.get_autocast_dtype("meta"),
        lambda: lib.set_autocast_enabled("cpu", 3),
        lambda: lib.set_autocast_cache_enabled(3),
        lambda: lib.amp.is_autocast_available("nothing"),
        lambda: lib.amp.custom_fwd(device_type=3),
        lambda: lib.amp.custom_bwd(device_type=3),
    ]
    return [type(attempt_quietly(call).error) for call in calls]


def test_switches_as_torch():
    torch = pytest.importorskip("torch")
    assert states(tapegrad) == attempt_quietly(lambda: states(torch)).value
    assert mistakes(tapegrad) == mistakes(torch)


def test_a_block_ends_as_it_began():
    x = tapegrad.ones(2, 2)
    code, alert = tapegrad.mm.__code__, special.alert
    with pytest.raises(ValueError, match="here"), tapegrad.autocast("cpu"):
        assert (x @ x).dtype is tapegrad.mm(x, x).dtype is x.matmul(x).dtype is BF16
        assert special.alert == alert + 1
        raise ValueError("here")
    assert (x @ x).dtype is F32 and not tapegrad.is_autocast_enabled("cpu")
    assert tapegrad.mm.__code__ is code and special.alert == alert


def test_messages():
    with pytest.raises(ValueError, match="autocast: device_type is 3; a str such as 'cpu'"):
        tapegrad.autocast(3)
    with pytest.raises(RuntimeError, match="get_autocast_dtype: device_type is 'nothing'; 'cpu' is needed"):
        tapegrad.autocast("nothing")
    with pytest.raises(TypeError, match=r"autocast: func is int; .* with torch\.autocast"):
        tapegrad.autocast("cpu")(3)


@pytest.mark.parametrize(
    ("device", "dtype", "message"), [("cuda", F16, "not there"), ("cpu", F32, "bfloat16 or")]
)
def test_what_cannot_be_is_said_and_changes_nothing(device, dtype, message):
    x = tapegrad.ones(2, 2)
    with pytest.warns(TapegradWarning, match=message):
        context = tapegrad.autocast(device, dtype)
    with context:
        assert (x @ x).dtype is F32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tapegrad.cuda.amp.autocast(enabled=False), tapegrad.autocast("cpu", F32, enabled=False):
            pass


def test_without_ml_dtypes_a_block_does_not_begin():
    program = """if True:
        import sys
        sys.modules["ml_dtypes"] = None
        import tapegrad as torch
        x = torch.ones(2, 2)
        try:
            with torch.autocast("cpu"):
                raise AssertionError
        except ImportError as e:
            assert "pip install 'tapegrad[bfloat16]', or use torch.float16" in str(e), e
        assert not torch.is_autocast_enabled("cpu") and (x @ x).dtype is torch.float32
        with torch.autocast("cpu", torch.float16):
            assert (x @ x).dtype is torch.float16
    """
    subprocess.run([sys.executable, "-c", program], check=True)


def test_as_a_decorator():
    @tapegrad.autocast("cpu")
    def product(x):
        """x x."""
        return x @ x

    x = tapegrad.ones(2, 2)
    assert product(x).dtype is BF16 and (x @ x).dtype is F32
    assert (product.__name__, product.__doc__) == ("product", "x x.")


def test_it_is_on_in_one_thread():
    x = tapegrad.ones(2, 2)
    found = []
    with tapegrad.autocast("cpu"):
        other = threading.Thread(target=lambda: found.append((x @ x).dtype))
        other.start()
        other.join()
        assert (x @ x).dtype is BF16
    assert found == [F32]


def test_a_thread_that_ends_with_it_leaves_nothing():
    alert = special.alert
    code = tapegrad.mm.__code__
    thread = threading.Thread(target=lambda: tapegrad.set_autocast_enabled("cpu", True))
    thread.start()
    thread.join()
    del thread
    gc.collect()
    assert special.alert == alert and tapegrad.mm.__code__ is code


def test_functions_look_and_fail_as_ever():
    x = tapegrad.ones(2, 3)
    with tapegrad.autocast("cpu"):
        assert tapegrad.mm.__name__ == "mm" and tapegrad.mm.__doc__.startswith("The product")
        with pytest.raises(RuntimeError, match=r"^mm: input is \[2, 3\] and other is \[2, 3\]"):
            tapegrad.mm(x, x)
        assert (x @ x.T).dtype is BF16
        for f in (F.local_response_norm, F.pad, tapegrad.lstm, F.max_pool3d, tapegrad.cat):
            with pytest.raises(TypeError):
                f()
        with pytest.raises(TypeError, match=r"^mm\(\) got an unexpected keyword argument 'beta'"):
            tapegrad.mm(x, x, beta=1)


def test_what_is_written_keeps_its_dtype():
    a, b, c, d = (tapegrad.ones(3, 3) for _ in range(4))
    with tapegrad.autocast("cpu"):
        tapegrad.mm(a, b, out=c)
        assert c.dtype is F32 and c[0, 0] == 3
        d.addmm_(a, b)
        assert d.dtype is F32 and d[0, 0] == 4


# ---- gradients and weights


def test_gradients_come_back_in_float32():
    x, w, b = leaf(4, 3), leaf(2, 3), leaf(2)
    with tapegrad.autocast("cpu"):
        y = F.linear(x, w, b)
        loss = F.mse_loss(y, tapegrad.zeros(4, 2))
    assert (y.dtype, loss.dtype) == (BF16, F32)
    loss.backward()
    assert {t.grad.dtype for t in (x, w, b)} == {F32}
    exact = tapegrad.autograd.grad(F.mse_loss(F.linear(x, w, b), tapegrad.zeros(4, 2)), (x, w, b))
    for t, g in zip((x, w, b), exact, strict=True):
        assert tapegrad.allclose(t.grad, g, atol=0.05 * float(g.abs().max()))


def casts(y):
    """The conversions right below a result."""
    return [n for n, _ in y.grad_fn.next_functions if n is not None and n.name() == "ToCopyBackward0"]


def test_a_weight_is_converted_once():
    x, w = tapegrad.ones(2, 3), leaf(3, 3)
    with tapegrad.autocast("cpu"):
        with tapegrad.no_grad():
            x @ w
        first, second = x @ w, x @ w
        assert casts(first) == casts(second) and len(casts(first)) == 1  # of w alone
        with tapegrad.autocast("cpu"):
            assert casts(x @ w) == casts(first)
        with tapegrad.autocast("cpu", cache_enabled=False):
            assert casts(x @ w) != casts(first)
        with tapegrad.autocast("cpu", F16):
            assert (x @ w).dtype is F16
        assert casts(x @ w.T.detach().requires_grad_()) != casts(first)
        tapegrad.clear_autocast_cache()
        assert casts(x @ w) != casts(first)
    with tapegrad.autocast("cpu"):
        assert casts(x @ w) != casts(first)
    (first.sum() + second.sum()).backward()
    assert w.grad.tolist() == [[4.0] * 3] * 3


def test_a_weight_that_was_written_is_converted_again():
    x, w = tapegrad.ones(2, 3), leaf(3, 3)
    with tapegrad.autocast("cpu"):
        x @ w
        with tapegrad.no_grad():
            w.fill_(1)
        assert (x @ w).tolist() == [[3.0] * 3] * 2
        w.data = tapegrad.full((3, 3), 2.0)
        assert (x @ w).tolist() == [[6.0] * 3] * 2


def test_nothing_is_kept_after_the_block():
    w = leaf(3, 3)
    alive = ref(w)
    gc.disable()
    try:
        with tapegrad.autocast("cpu"):
            y = w @ w
        del w, y
        assert alive() is None and not autocast.cache
    finally:
        gc.enable()


def test_second_derivatives_within_a_block():
    a = tapegrad.eye(3) + 0.1 * tapegrad.ones(3, 3)
    a.requires_grad_()
    with tapegrad.autocast("cpu"):
        y = tapegrad.linalg.inv(a).sum()
        (g,) = tapegrad.autograd.grad(y, a, create_graph=True)
        (h,) = tapegrad.autograd.grad(g.sum(), a)
    assert (y.dtype, g.dtype, h.dtype) == (F32,) * 3
    (exact,) = tapegrad.autograd.grad(tapegrad.linalg.inv(a).sum(), a)
    assert tapegrad.equal(g, exact)  # rules compute in float32, as the operation did


def test_within_transforms():
    w = leaf(3, 3)
    with tapegrad.autocast("cpu"):
        y = tapegrad.vmap(lambda x: x @ w)(tapegrad.ones(2, 4, 3))
        assert (y.dtype, y.shape) == (BF16, (2, 4, 3))
        g = tapegrad.func.grad(lambda x: (x @ w).float().sum())(tapegrad.ones(4, 3))
        assert g.dtype is F32
        y, t = tapegrad.func.jvp(lambda x: x @ x, (tapegrad.ones(2, 2),), (tapegrad.ones(2, 2),))
        assert (y.dtype, t.dtype, t.tolist()) == (BF16, BF16, [[4.0, 4.0], [4.0, 4.0]])
    assert not autocast.cache


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_runs_again_under_autocast(reentrant):
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    x = leaf(5, 4)

    def gradients(run):
        net.zero_grad()
        with tapegrad.autocast("cpu"):
            before = net(x)  # the weights are converted already
            loss = (run(x) + before).float().sum()
        loss.backward()
        return [p.grad.tolist() for p in net.parameters()]

    assert gradients(partial(checkpoint, net, use_reentrant=reentrant)) == gradients(net)


# ---- a user's functions


def product_of(lib, how):
    """A Function whose forward and backward multiply matrices."""

    seen = []

    class Product(lib.autograd.Function):
        @staticmethod
        @lib.amp.custom_fwd(device_type="cpu", cast_inputs=how)
        def forward(ctx, a, b, more):
            seen.append([str(a.dtype), str(more["c"].dtype), lib.is_autocast_enabled("cpu")])
            ctx.save_for_backward(a, b)
            return a @ b

        @staticmethod
        @lib.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            seen.append([str(g.dtype), lib.is_autocast_enabled("cpu"), str((g @ g).dtype)])
            return g @ b.T.to(g.dtype), a.T.to(g.dtype) @ g, None

    return Product, seen


def seen_by_functions(lib):
    """Dtypes and switches within Functions, in and out of a block."""
    found = []
    for how in (None, lib.float32, lib.float16):
        f, seen = product_of(lib, how)
        a, b = lib.ones(2, 2, requires_grad=True), lib.ones(2, 2, requires_grad=True)
        more = {"c": lib.ones(1)}
        with lib.autocast("cpu"):
            y = f.apply(a, b, more)
        y.sum().backward()
        with lib.autocast("cpu"):
            f.apply(a, b, more).sum().backward()
        f.apply(a, b, more).sum().backward()
        found += [seen, str(y.dtype), str(a.grad.dtype), a.grad.tolist()]
    return found


def test_functions_of_the_user_as_torch():
    torch = pytest.importorskip("torch")
    assert seen_by_functions(tapegrad) == seen_by_functions(torch)


# ---- training


def losses(lib):
    """Twenty steps with a scaler, in bfloat16 where it suits."""
    lib.manual_seed(0)
    net = lib.nn.Sequential(lib.nn.Linear(2, 16), lib.nn.ReLU(), lib.nn.LayerNorm(16), lib.nn.Linear(16, 2))
    optimizer, scaler = lib.optim.Adam(net.parameters(), lr=0.02), lib.amp.GradScaler("cpu")
    x = lib.randn(64, 2)
    labels = (x[:, 0] * x[:, 1] > 0).long()
    found = []
    for _ in range(20):
        optimizer.zero_grad()
        with lib.autocast("cpu", dtype=lib.bfloat16):
            loss = lib.nn.functional.cross_entropy(net(x), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        found.append(loss.item())
    assert {p.dtype for p in net.parameters()} | {p.grad.dtype for p in net.parameters()} == {lib.float32}
    return found


def test_training_as_torch():
    torch = pytest.importorskip("torch")
    ours, theirs = losses(tapegrad), losses(torch)
    assert ours == pytest.approx(theirs, abs=0.02)
    assert ours[-1] < 0.75 * ours[0]


def test_names():
    assert amp.autocast is tapegrad.autocast and issubclass(tapegrad.cpu.amp.autocast, amp.autocast)
    assert {"custom_fwd", "custom_bwd", "is_autocast_available"} < {*amp.__all__}
