"""Names around the modules: kernels of attention, options, what is absent."""

from __future__ import annotations

import pytest

import tapegrad
from tapegrad import nn
from tapegrad.nn.attention import SDPBackend, sdpa_kernel
from tests.ops.comparing import attempt_quietly


def flags(lib):
    """Which kernels of attention are allowed."""
    names = ("flash", "mem_efficient", "math", "cudnn")
    return [getattr(lib.backends.cuda, f"{name}_sdp_enabled")() for name in names]


def kernels(lib):
    """Flags within blocks and after them, and how the kernels are written."""
    attention = lib.nn.attention
    found = [flags(lib), [(k, int(v), repr(v), str(v)) for k, v in attention.SDPBackend.__members__.items()]]
    with attention.sdpa_kernel(attention.SDPBackend.MATH):
        found.append(flags(lib))
        with attention.sdpa_kernel([attention.SDPBackend.FLASH_ATTENTION, attention.SDPBackend.MATH]):
            found.append(flags(lib))

    @attention.sdpa_kernel(attention.SDPBackend.CUDNN_ATTENTION)
    def within():
        return flags(lib)

    with lib.backends.cuda.sdp_kernel(False, True, enable_mem_efficient=False):
        found.append(flags(lib))
    lib.backends.cuda.enable_flash_sdp(False)
    found += [within(), flags(lib)]
    lib.backends.cuda.enable_flash_sdp(True)
    found.append(type(attempt_quietly(lambda: attention.sdpa_kernel("MATH").__enter__()).error))
    return found


def test_kernels_of_attention_as_torch():
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch.nn.attention")
    assert kernels(tapegrad) == attempt_quietly(lambda: kernels(torch)).value


def test_attention_runs_whatever_is_allowed():
    q = tapegrad.ones(1, 2, 3)
    with sdpa_kernel([]), sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION):
        assert nn.functional.scaled_dot_product_attention(q, q, q).tolist() == q.tolist()


def options(lib):
    """What LinearCrossEntropyOptions takes."""
    make = lib.nn.LinearCrossEntropyOptions
    given = [{}, {"batch_chunk_size": 4}, {"chunking_method": "aspect_ratio:3"}, {"acc_dtype": lib.float32}]
    found = [repr(make(**kwargs)) for kwargs in given]
    wrong = [{"acc_policy": "x"}, {"chunking_method": "aspect_ratio:0"}, {"chunking_method": "auto:2"}]
    wrong += [{"batch_chunk_size": 0}, {"batch_chunk_size": 1.5}, {"acc_dtype": lib.int64}, {"more": 1}]
    return found + [type(attempt_quietly(lambda k=k: make(**k)).error) for k in wrong]


def test_options_as_torch():
    torch = pytest.importorskip("torch")
    assert options(tapegrad) == options(torch)


def test_options_change_nothing():
    x, target = tapegrad.randn(4, 3), tapegrad.tensor([0, 1, 2, 1])
    tapegrad.manual_seed(0)
    plain = nn.LinearCrossEntropyLoss(3, 5)
    tapegrad.manual_seed(0)
    chunked = nn.LinearCrossEntropyLoss(3, 5, options=nn.LinearCrossEntropyOptions(batch_chunk_size=2))
    assert plain(x, target).item() == chunked(x, target).item()


def test_several_processes_can_be_named_and_not_used():
    assert issubclass(nn.parallel.DistributedDataParallel, nn.Module)
    with pytest.raises(ValueError, match=r"there is no process group.*is_available\(\)"):
        nn.parallel.DistributedDataParallel(nn.Linear(1, 1))


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("Conv2D", r"has no 'Conv2D'\. Did you mean nn.Conv2d\?$"),
        ("max_pool", r"Did you mean nn.functional.max_pool\dd\?$"),
        ("Dense", r"has no 'Dense' \(Keras' name\)\. Use nn\.Linear"),
        ("Quux", r"^torch.nn of tapegrad has no 'Quux'\.$"),
        ("__wrapped__", r"has no '__wrapped__'\.$"),
    ],
)
def test_absent_names_have_a_cure(name, cure):
    with pytest.raises(AttributeError, match=cure):
        getattr(nn, name)


def test_the_gradient_of_cross_map_lrn_is_that_of_its_values():
    x = tapegrad.randn(1, 5, 2, 2, dtype=tapegrad.float64, requires_grad=True)
    assert tapegrad.autograd.gradcheck(nn.CrossMapLRN2d(3, 0.5), (x,))
    with pytest.raises(ValueError, match=r"CrossMapLRN2d: input is .*\[2\]; a 4-d tensor is needed"):
        nn.CrossMapLRN2d(3)(tapegrad.ones(2))
