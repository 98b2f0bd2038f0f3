"""Expressions whose outcome must print the same as torch's, or raise the same class: flags, conversions, ways
to make tensors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tapegrad

torch = pytest.importorskip("torch")

FLAGS = """
torch.cuda.is_available()
torch.cuda.is_initialized()
torch.cuda.device_count()
torch.cuda.manual_seed(1)
torch.cuda.manual_seed_all(1)
torch.cuda.seed_all()
torch.cuda.max_memory_allocated()
torch.cuda.memory_allocated()
torch.cuda.memory_reserved()
torch.cuda.max_memory_reserved()
torch.cuda.memory_stats()
torch.cuda.synchronize()
torch.cuda.empty_cache()
torch.cuda.current_device()
torch.cuda.set_device(-1)
torch.cuda.get_device_name()
torch.cuda.get_device_capability()
torch.cuda.get_device_properties(0)
torch.cuda.is_bf16_supported()
torch.cuda.current_stream()
torch.cuda.get_rng_state()
torch.cuda.mem_get_info()
torch.cuda.get_arch_list()
torch.cuda.init()
torch.mps.is_available()
torch.mps.empty_cache()
torch.mps.manual_seed(1)
torch.mps.synchronize()
torch.mps.device_count()
torch.xpu.is_available()
torch.xpu.device_count()
torch.accelerator.is_available()
torch.accelerator.current_accelerator()
torch.accelerator.device_count()
torch.accelerator.current_device_index()
torch.accelerator.synchronize()
torch.accelerator.set_device_index(0)
torch.cpu.is_available()
torch.cpu.device_count()
torch.cpu.synchronize()
torch.cpu.current_device()
torch.backends.cudnn.is_available()
torch.backends.cudnn.version()
torch.backends.cudnn.enabled
torch.backends.cudnn.benchmark
torch.backends.cudnn.deterministic
torch.backends.mps.is_available()
torch.backends.mps.is_built()
torch.backends.cuda.is_built()
torch.backends.cuda.matmul.allow_tf32
torch.version.cuda
torch.version.hip
torch.version.debug
torch.set_num_threads(0)
torch.set_num_threads(1.5)
torch.get_default_device()
torch.use_deterministic_algorithms(True)
torch.are_deterministic_algorithms_enabled()
torch.get_deterministic_debug_mode()
torch.use_deterministic_algorithms(False)
torch.set_deterministic_debug_mode("warn")
torch.is_deterministic_algorithms_warn_only_enabled()
torch.set_deterministic_debug_mode(0)
torch.set_deterministic_debug_mode(5)
torch.get_float32_matmul_precision()
torch.set_float32_matmul_precision("high")
torch.get_float32_matmul_precision()
torch.set_float32_matmul_precision("highest")
torch.is_warn_always_enabled()
torch.compile(len) is not None
(torch.strided, torch.channels_last, torch.contiguous_format, torch.preserve_format)
(torch.inf, torch.pi, torch.e, torch.newaxis, torch.nan)
""".strip().splitlines()

TENSORS = """
torch.FloatTensor(2, 3).shape
torch.FloatTensor([1, 2])
torch.FloatTensor()
torch.LongTensor([1.5, 2])
torch.ByteTensor([1])
torch.BoolTensor([1, 0])
torch.HalfTensor([1])
torch.DoubleTensor(2).dtype
torch.IntTensor([1]).type()
torch.LongTensor(torch.ones(2))
torch.LongTensor(torch.ones(2).long())
isinstance(x, torch.FloatTensor)
isinstance(x, torch.LongTensor)
torch.FloatTensor
x.type(torch.DoubleTensor)
x.type(torch.LongTensor)
x.type('torch.IntTensor')
x.cuda()
x.cpu() is x
x.pin_memory()
x.is_pinned()
x.is_shared()
x.get_device()
torch.get_device(x)
x.layout
x.is_meta, x.is_cuda, x.is_cpu, x.is_sparse, x.is_quantized, x.is_mkldnn, x.is_nested, x.is_xla
x.to("cuda")
torch.zeros(1, device="cuda")
torch.zeros(1, device=0)
torch.device(0)
torch.device("cuda").type
torch.device("cuda:1").index
x.new([1, 2])
x.new(3).shape
x.new()
x.new_tensor([1, 2])
x.double().new_tensor([1, 2]).dtype
x.new_tensor([1, 2], dtype=torch.int)
x.new_empty((2, 3)).shape
x.new_empty(2, 3).shape
x.new_full((2,), 3)
x.new_full(2, 3)
x.new_full((2,), torch.tensor(4.))
x.long().new_full((2,), 1.5)
x.new_ones(2, 3)
x.new_zeros((2,), dtype=torch.int)
x.new_zeros(size=(2,))
x.new_zeros(2, requires_grad=True)
x.new_empty_strided((2, 3), (1, 2)).stride()
torch.typename(x)
torch.typename(1)
torch.result_type(x.to(torch.int8), 1.0)
torch.result_type(1, 2.)
torch.result_type(x, 1j)
torch.result_type(x.half(), torch.tensor(1., dtype=torch.float64))
torch.promote_types(torch.int8, torch.uint8)
torch.promote_types(torch.half, torch.complex64)
torch.can_cast(torch.float, torch.int)
torch.can_cast(torch.int, torch.float)
torch.can_cast(torch.int8, torch.uint8)
torch.can_cast(torch.uint8, torch.bool)
torch.is_storage(x.untyped_storage())
torch.is_storage(1)
x.as_subclass(torch.nn.Parameter)
x.is_distributed()
tuple(map(int, x.__dlpack_device__()))
g.__dlpack__()
torch.from_dlpack(a)
torch.from_dlpack([1])
torch.from_numpy(a[::-1])
torch.asarray(a[::-1])
torch.asarray(bytearray(b'abcd'), dtype=torch.int16)
torch.asarray([1, 2], copy=False)
torch.asarray(a, copy=True)
torch.asarray(a, dtype=torch.float32, copy=False)
torch.asarray(a, dtype=torch.float32)
torch.asarray(g) is g
torch.asarray(g, requires_grad=False)
torch.asarray([1., 2], requires_grad=True)
torch.asarray([1, 2], dtype=torch.float64)
torch.frombuffer(bytearray(8), dtype=torch.int32)
torch.frombuffer(bytearray(8), dtype=torch.int32, count=1, offset=4)
torch.frombuffer(b'12345678', dtype=torch.int32)
torch.frombuffer(bytearray(7), dtype=torch.int32)
torch.frombuffer(bytearray(0), dtype=torch.int32)
torch.frombuffer(bytearray(8), dtype=torch.int32, count=5)
torch.frombuffer(bytearray(8), dtype=torch.int32, offset=9)
torch.frombuffer([1], dtype=torch.int32)
torch.frombuffer(bytearray(8), dtype=torch.float32, requires_grad=True)
torch.scalar_tensor(3)
torch.scalar_tensor(3, dtype=torch.int)
torch.ones(2, 3).T.clone(memory_format=torch.contiguous_format).stride()
torch.ones(2, 3).T.clone(memory_format=torch.preserve_format).stride()
torch.empty_strided((2, 3), (1, 2)).stride()
torch.empty_strided((2,), (-1,))
torch.empty_strided((2, 3), (1,))
torch.empty_permuted((2, 3, 4), (1, 0, 2)).stride()
torch.empty_permuted((2, 3, 4), (1, 0, 0))
torch.logspace(0, 2, 3)
torch.logspace(0, 2, 3, base=2)
torch.logspace(0, 2, 3, dtype=torch.int)
torch.logspace(0, 1, 0)
torch.logspace(0, 1, -1)
torch.logspace(0, 1, 1)
torch.logspace(-1, 1, 5, base=0.5, dtype=torch.float64)
torch.ones(3) + a
torch.ones(3) + a.astype(int)
torch.ones(3) * a.astype("f4")
torch.ones(3).half() - a.astype("i4")
torch.arange(3) / a.astype(int)
torch.tensor(1.0) + a
torch.ones(3) + a.sum(keepdims=True)[0]
torch.ones(3) // (a + 1).astype(int)
torch.ones(3) % (a + 1).astype(int)
torch.ones(3) == a.astype(int)
torch.randint_like(x, 5)
torch.randint_like(x, 2, 5)
torch.randint_like(x.long(), 2, 5, dtype=torch.float64)
""".strip().splitlines()


def outcome(lib: Any, expression: str) -> str:
    """What an expression prints in a library, or the class of its error."""
    x = lib.ones(2)
    names = {"torch": lib, "x": x, "g": lib.ones(2, requires_grad=True), "a": np.arange(3.0)}
    lib.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return repr(eval(expression, names))
        except Exception as error:  # noqa: BLE001 # its class is what is compared
            return type(error).__name__


@pytest.mark.parametrize("expression", FLAGS)
def test_flags_answer_as_torch(expression: str) -> None:
    assert outcome(tapegrad, expression) == outcome(torch, expression)


@pytest.mark.parametrize("expression", TENSORS)
def test_tensors_print_as_torch(expression: str) -> None:
    assert outcome(tapegrad, expression) == outcome(torch, expression)


def test_dlpack_shares_memory_both_ways() -> None:
    x = tapegrad.arange(4.0)
    theirs = torch.from_dlpack(x)
    theirs[1] = 7
    assert x.tolist() == [0, 7, 2, 3]
    back = tapegrad.from_dlpack(theirs)
    back[2] = 9
    assert x.tolist() == [0, 7, 9, 3]
    assert np.shares_memory(np.from_dlpack(x), x.numpy())


def test_memory_with_negative_strides_is_copied() -> None:
    a = np.arange(4.0)[::-1]
    x = tapegrad.from_dlpack(a)
    assert x.tolist() == [3, 2, 1, 0]
    assert not np.shares_memory(a, x.numpy())
    with pytest.raises(BufferError, match="negative strides"):
        tapegrad.from_dlpack(a, copy=False)


def test_files_as_tensors(tmp_path: Any) -> None:
    path = str(tmp_path / "numbers")
    x = tapegrad.from_file(path, shared=True, size=3, dtype=tapegrad.float32)
    x.copy_(tapegrad.tensor([1.0, 2.0, 3.0]))
    del x
    assert torch.from_file(path, size=3).tolist() == tapegrad.from_file(path, size=3).tolist() == [1, 2, 3]
