"""Names of torch that are not here: why, and what to use instead. docs/parity.md is made from it, too."""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Absence(NamedTuple):
    """names: a pattern of full names, such as "Tensor.to_sparse". why: what they are. instead: what to do."""

    names: str
    why: str
    instead: str


_DENSE = "Tensors here are dense; sum over indices with index_add or scatter_add."

ABSENT = (
    Absence(
        ".*(sparse|coalesce|_coo|_cs[rc]|_bs[rc]|sspaddmm|hspmm|hsmm|saddmm|dsmm|spmm).*",
        "sparse tensors",
        _DENSE,
    ),
    Absence(
        ".*\\.(c?(col|row|crow|ccol)_indices(_copy)?|indices(_copy)?|values(_copy)?|dense_dim|to_dense|smm)",
        "sparse tensors",
        _DENSE,
    ),
    Absence(
        ".*(quant|q_scale|q_zero_point|q_per_channel|qscheme|int_repr|fbgemm|moving_avg|qparams).*",
        "quantised tensors",
        "Compute in float32, or store weights as float16.",
    ),
    Absence(".*(nested|padded_tensor).*", "nested tensors", "Pad to one length, and mask."),
    Absence(
        ".*(cudnn|miopen|mkldnn|vulkan|ipu|xla|maia|mtia|xpu).*",
        "bound to a device",
        "Everything runs on the CPU; leave it out.",
    ),
    Absence(
        ".*(pinned|pin_memory|record_stream|shared|share_|is_meta).*",
        "bound to a device, or to shared memory",
        "Everything runs on the CPU; leave it out.",
    ),
    Absence(
        ".*(deterministic|get_device_module|interop_threads|flush_denormal|init_num_threads).*",
        "switches of torch's own machinery",
        "Leave it out: results are deterministic, in the dtype of the operands.",
    ),
    Absence(
        ".*\\.(import_ir\\w*|parse_\\w+|fork|wait|sym_\\w+|compile|(merge|unify)_type\\w+|thread_safe\\w+)",
        "TorchScript, fx and compilation",
        "Call the function itself.",
    ),
    Absence(
        "torch\\.(batch_norm_\\w+|native_\\w+)", "halves of torch's own kernels", "Use torch.nn.functional."
    ),
    Absence(
        ".*\\.(names|rename_?|refine_names|align_\\w+|has_names)",
        "named tensors, which torch gave up",
        "Use dimensions by number.",
    ),
    Absence(
        "(Tensor|torch)\\.(volatile|solve|symeig|eig|lstsq)",
        "deprecated in torch",
        "Use torch.linalg, or no_grad().",
    ),
    Absence(
        "Tensor\\.(reinforce|storage_type|storage|name)",
        "deprecated in torch",
        "untyped_storage() has the memory; torch.distributions the log-probabilities.",
    ),
    Absence("torch\\.set_default_tensor_type", "deprecated in torch", "Use set_default_dtype()."),
    Absence("torch\\.range", "deprecated in torch", "Use arange(), whose end is left out."),
    Absence(
        "torch\\.\\w*anomaly\\w*", "switches of torch's own machinery", "Use autograd.set_detect_anomaly()."
    ),
    Absence(
        "torch\\.distributed\\..*",
        "work of several processes",
        "There is one; ask torch.distributed.is_available(), which is False.",
    ),
    Absence("torch\\.nn\\.Dense", "Keras' name", "Use nn.Linear, or nn.LazyLinear."),
    Absence("torch\\.nn\\.GlobalAvgPool.*", "a name of others", "Use nn.AdaptiveAvgPool2d(1)."),
    Absence("torch\\.cond", "control flow for compilers", "Use if."),
    Absence(
        ".*\\.(hash_tensor|slice_inverse|grad_dtype|module_load|index|_copy|view_as_\\w+_copy)",
        "internals of torch",
        "There is no need for them here.",
    ),
    Absence(".*\\.chalf", "complex numbers of two float16", "Use cfloat()."),
)


def absence(full: str) -> Absence | None:
    """What is known of a full name, such as "torch.quantize_per_tensor"."""
    return next((a for a in ABSENT if re.fullmatch(a.names, full)), None)


# The methods and attributes of torch's Tensor that these are; the tests compare them with torch's own list.
_OF_TENSOR = [
    "ccol_indices",
    "chalf",
    "coalesce",
    "col_indices",
    "crow_indices",
    "dense_dim",
    "dequantize",
    "eig",
    "grad_dtype",
    "hash_tensor",
    "index",
    "indices",
    "int_repr",
    "ipu",
    "is_coalesced",
    "lstsq",
    "module_load",
    "mtia",
    "name",
    "q_per_channel_axis",
    "q_per_channel_scales",
    "q_per_channel_zero_points",
    "q_scale",
    "q_zero_point",
    "qscheme",
    "record_stream",
    "reinforce",
    "resize_as_sparse_",
    "row_indices",
    "share_memory_",
    "slice_inverse",
    "smm",
    "solve",
    "sparse_dim",
    "sparse_mask",
    "sparse_resize_",
    "sparse_resize_and_clear_",
    "sspaddmm",
    "storage",
    "storage_type",
    "symeig",
    "to_dense",
    "to_mkldnn",
    "to_padded_tensor",
    "to_sparse",
    "to_sparse_bsc",
    "to_sparse_bsr",
    "to_sparse_coo",
    "to_sparse_csc",
    "to_sparse_csr",
    "values",
    "volatile",
    "xpu",
]


class _Absent:
    """An attribute that is not there. As one per name, since a `__getattr__` would slow all that are."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        raise missing("Tensor", self.name)


def explain_absent(tensor: type) -> None:
    """Let the class say of torch's attributes that it lacks why it does."""
    for name in _OF_TENSOR:
        setattr(tensor, name, _Absent(name))


def missing(space: str, name: str) -> AttributeError:
    """The error for a name that is not in a space: "torch", "torch.linalg", "Tensor"."""
    known = None if name.startswith("__") else absence(f"{space}.{name}")
    instead = f" ({known.why}). {known.instead}" if known else "."
    return AttributeError(f"{space} of tapegrad has no {name!r}{instead}")
