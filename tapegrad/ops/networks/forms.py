"""Functions of networks as torch itself has them, beside torch.nn.functional: arguments in another order,
none left out, and reductions by number. What is the same in both is offered as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tapegrad.define import offer
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.networks import combined, ctc, dropout, embedding, losses, margins, normalisation, recurrent
from tapegrad.tensor import Tensor

_REDUCTIONS = {0: "none", 1: "mean", 2: "sum"}


def _named(op: str, reduction: int) -> str:
    """A reduction by its number. Raises: ValueError for another."""
    if reduction not in _REDUCTIONS:
        raise ValueError(f"{op}: reduction is {reduction!r}; 0 (none), 1 (mean) or 2 (sum) is needed.")
    return _REDUCTIONS[reduction]


# ---- dropout: p and train are not optional


def _dropping(f: Any, write: bool, name: str) -> Callable[[Tensor, float, bool], Tensor]:
    def call(input: Tensor, p: float, train: bool) -> Tensor:
        if not 0 <= p <= 1:
            raise RuntimeError(f"{name}: p is {p}; 0 to 1 is needed.")
        dropped: Tensor = f(input, p, train, write)
        return dropped

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"torch.nn.functional.{f.__name__}(input, p, train)" + (", in place." if write else ".")
    return call


_DROPOUTS = (dropout.dropout, dropout.alpha_dropout, dropout.feature_dropout, dropout.feature_alpha_dropout)
_dropping_forms = {
    name: _dropping(f, write, name)
    for f in _DROPOUTS
    for write, name in ((False, f.__name__), (True, f"{f.__name__}_"))
}


# ---- normalisations: flags of cuDNN behind


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
    cudnn_enable: bool = True,
) -> Tensor:
    """torch.nn.functional.layer_norm."""
    return normalisation.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
    cudnn_enabled: bool = True,
) -> Tensor:
    """torch.nn.functional.group_norm."""
    return normalisation.group_norm(input, num_groups, weight, bias, eps)


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """torch.nn.functional.batch_norm, with weight and bias before the running moments."""
    return normalisation.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """torch.nn.functional.instance_norm, with weight and bias before the running moments."""
    return normalisation.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


# ---- tables: the table first


def _embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """torch.nn.functional.embedding, with the table first; padding_idx -1: none."""
    padding = None if padding_idx < 0 else padding_idx
    return embedding.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Scale those rows of input that indices name and that are longer than max_norm to that length."""
    embedding.embedding_renorm_(indices, input, max_norm, norm_type)
    return input


# ---- losses: a number for the reduction


def kl_div(input: Tensor, target: Tensor, reduction: int = 1, *, log_target: bool = False) -> Tensor:
    """torch.nn.functional.kl_div."""
    return losses.kl_div(input, target, reduction=_named("kl_div", reduction), log_target=log_target)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 1) -> Tensor:
    """torch.nn.functional.hinge_embedding_loss."""
    how = _named("hinge_embedding_loss", reduction)
    return margins.hinge_embedding_loss(input, target, margin, reduction=how)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 1
) -> Tensor:
    """torch.nn.functional.margin_ranking_loss."""
    how = _named("margin_ranking_loss", reduction)
    return margins.margin_ranking_loss(input1, input2, target, margin, reduction=how)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 1
) -> Tensor:
    """torch.nn.functional.cosine_embedding_loss."""
    how = _named("cosine_embedding_loss", reduction)
    return margins.cosine_embedding_loss(input1, input2, target, margin, reduction=how)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-06,
    swap: bool = False,
    reduction: int = 1,
) -> Tensor:
    """torch.nn.functional.triplet_margin_loss."""
    how = _named("triplet_margin_loss", reduction)
    return margins.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=how)


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int
) -> Tensor:
    """torch.nn.functional.poisson_nll_loss."""
    how = _named("poisson_nll_loss", reduction)
    return losses.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=how)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 1,
) -> Tensor:
    """torch.nn.functional.binary_cross_entropy_with_logits."""
    how = _named("binary_cross_entropy_with_logits", reduction)
    return losses.binary_cross_entropy_with_logits(
        input, target, weight, reduction=how, pos_weight=pos_weight
    )


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: int = 1,
    zero_infinity: bool = False,
) -> Tensor:
    """torch.nn.functional.ctc_loss."""
    how = _named("ctc_loss", reduction)
    return ctc.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, how, zero_infinity)


_BAGS = {0: "sum", 1: "mean", 2: "max"}


def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """torch.nn.functional.embedding_bag with the mode by number (0 sum, 1 mean, 2 max), and what torch's
    kernel returns beside: the bag of each number, the sizes of the bags, the rows that maxima came from.

    Raises: RuntimeError where that raises.
    """
    how = _BAGS.get(mode)
    if how is None:
        raise RuntimeError(f"embedding_bag: mode is {mode!r}; 0 (sum), 1 (mean) or 2 (max) is needed.")
    by_frequency = scale_grad_by_freq and how != "max"
    try:
        y = embedding.embedding_bag(
            indices,
            weight,
            offsets,
            None,
            2.0,
            by_frequency,
            how,
            sparse,
            per_sample_weights,
            include_last_offset,
            padding_idx,
        )
    except (AssertionError, NotImplementedError, ValueError) as e:
        raise RuntimeError(*e.args) from e
    return y, *embedding.bag_facts(weight, indices, offsets, how, include_last_offset, padding_idx)


offer(_dropping_forms, functions=" ".join(_dropping_forms))
offer({**globals(), "embedding": _embedding}, functions="embedding")
offer({**vars(combined), **vars(normalisation)}, functions="bilinear rms_norm")
offer(
    vars(recurrent),
    functions="gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell",
)
offer(
    globals(),
    functions="batch_norm binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss embedding_bag "
    "embedding_renorm_ group_norm hinge_embedding_loss instance_norm kl_div layer_norm margin_ranking_loss "
    "poisson_nll_loss triplet_margin_loss",
)
nameless(globals())
