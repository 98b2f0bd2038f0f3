"""Which functions autocast casts the arguments of, and to what: torch's table for the CPU.

Names are as users write them, without "torch."; methods of the same name, and aliases, are the same
functions. Source: aten/src/ATen/autocast_mode.cpp (instead of its kernels here are the functions that call
them). What depends on more than the name is in `amp.casting`: contract, local_response_norm,
lstm, max_pool3d and pad.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from tapegrad.public import FUNCTIONS, IN_PLACE, METHODS
from tapegrad.tensor import Tensor

# The narrow dtype, for what is mostly products.
LOWER = {
    "": "addbmm addmm baddbmm bmm conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d "
    "conv_transpose3d matmul mm prelu tensordot",
    "linalg": "matmul vecdot",
    "nn": "conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d linear prelu "
    "scaled_dot_product_attention",
}

# float32, for what adds up many terms, or has no kernel for narrow floats.
FLOAT32 = {
    "": "binary_cross_entropy_with_logits cdist cholesky cholesky_inverse cholesky_solve "
    "cosine_embedding_loss ctc_loss geqrf grid_sampler grid_sampler_2d grid_sampler_3d hinge_embedding_loss "
    "inverse kl_div lu_solve margin_ranking_loss nanquantile orgqr ormqr pinverse "
    "poisson_nll_loss polar prod qr quantile stft svd trace triangular_solve triplet_margin_loss "
    "view_as_complex",
    "fft": "fft fft2 fftn hfft ifft ifft2 ifftn ihfft irfft irfft2 irfftn rfft rfft2 rfftn",
    "linalg": "cholesky cholesky_ex cond eig eigh eigvals eigvalsh householder_product inv inv_ex lstsq "
    "matrix_rank qr solve svd svdvals tensorinv tensorsolve",
    "nn": "adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d binary_cross_entropy "
    "binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy ctc_loss fractional_max_pool2d "
    "fractional_max_pool3d grid_sample hinge_embedding_loss huber_loss kl_div l1_loss lp_pool3d "
    "margin_ranking_loss max_unpool1d max_unpool2d max_unpool3d mse_loss multi_margin_loss "
    "multilabel_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss triplet_margin_loss",
}

# float32 if any argument is.
WIDEST = {"": "cat index_copy stack"}

# Not in torch's table, but made of functions that are.
AS_GIVEN = {"": "bilinear", "linalg": "lu_solve", "nn": "bilinear"}

# Loops over time, whose steps are linear functions: what each gives is rounded, and not the state.
IN_STEPS = {"": "gru gru_cell lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell"}


def listed(table: Mapping[str, str]) -> Iterator[Any]:
    """The functions of a table."""
    import_module("tapegrad.ops.networks")  # those of "nn", and some of the package's own
    for space, names in table.items():
        for name in names.split():
            yield FUNCTIONS[space][name]
            if not space and name in METHODS:
                yield METHODS[name]


def writers(table: Mapping[str, str]) -> Iterator[Any]:
    """The methods that write the results of a table's functions into their first argument."""
    for name in table.get("", "").split():
        if name in IN_PLACE or f"{name}_" in IN_PLACE:
            yield getattr(Tensor, f"{name}_")
