"""A softmax over many classes that spends little on rare ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tapegrad._errors import sizes
from tapegrad.nn.modules.container import ModuleList, Sequential
from tapegrad.nn.modules.linear import Linear
from tapegrad.nn.modules.module import Module
from tapegrad.ops.nn import log_softmax
from tapegrad.ops.pointwise import where
from tapegrad.ops.shape import cat
from tapegrad.tensor import Tensor

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class _ASMoutput(NamedTuple):
    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities of classes sorted by frequency: frequent ones at once, rare ones by cluster.

    cutoffs: where the clusters begin. Each cluster's projection is div_value times narrower than the one
    before. Shapes: input [N, in_features] or [in_features], target [N] or [] -> output as target, and the
    loss. Source: E. Grave et al., "Efficient softmax approximation for GPUs" (2016).
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        known = list(cutoffs)
        rising = all(int(b) == b and a < b < n_classes for a, b in pairwise([0, *known]))
        if not known or not rising:
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: cutoffs is {known}; one or more integers that rise, between 1 "
                f"and {n_classes - 1}, are needed."
            )
        kinds = {"device": device, "dtype": dtype}
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*known, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = known[0], len(known)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **kinds)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            width = int(in_features // div_value ** (i + 1))
            first = Linear(in_features, width, bias=False, **kinds)
            self.tail.append(Sequential(first, Linear(width, high - low, bias=False, **kinds)))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """(the targets' log-probabilities, the negative mean of them).

        Raises: RuntimeError for other shapes, or a target out of range.
        """
        dims = target_.dim()
        fits = dims <= 1 and input_.dim() == dims + 1 and (dims == 0 or input_.shape[0] == target_.shape[0])
        if not fits:
            raise RuntimeError(
                f"AdaptiveLogSoftmaxWithLoss: input is {sizes(input_.shape)} and target "
                f"{sizes(target_.shape)}; [N, in_features] and [N], or [in_features] and [], are needed."
            )
        x, t = (input_, target_) if dims else (input_.unsqueeze(0), target_.unsqueeze(0))
        if bool(((t < 0) | (t >= self.n_classes)).any()):
            raise RuntimeError(
                f"AdaptiveLogSoftmaxWithLoss: target has {t.min().item()} to {t.max().item()}; 0 to "
                f"{self.n_classes - 1} is needed."
            )
        column = where(t < self.shortlist_size, t, 0)
        output = x.new_zeros(t.shape[0])
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            here = (t >= low) & (t < high)
            rows = here.nonzero().squeeze(1)
            if rows.numel():
                logp = log_softmax(self.tail[i](x.index_select(0, rows)), 1)
                own = logp.gather(1, (t[here] - low).unsqueeze(1)).squeeze(1)
                output = output.index_copy(0, rows, own)
                column = where(here, self.shortlist_size + i, column)
        output = output + log_softmax(self.head(x), 1).gather(1, column.unsqueeze(1)).squeeze(1)
        return _ASMoutput(output if dims else output.squeeze(0), (-output).mean())

    def _all(self, x: Tensor, head: Tensor) -> Tensor:
        """The log-probabilities of all classes, of the head's scores."""
        top = log_softmax(head, 1)
        n = self.shortlist_size
        rest = [log_softmax(tail(x), 1) + top[:, n + i].unsqueeze(1) for i, tail in enumerate(self.tail)]
        return cat([top[:, :n], *rest], 1)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes. Shapes: [N, in_features] -> [N, n_classes]."""
        return self._all(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row; clusters are only looked into where the head chooses one.

        Shapes: [N, in_features] -> [N].
        """
        head = self.head(input)
        output: Tensor = head.argmax(1)
        rare = output >= self.shortlist_size
        if bool(rare.any()):
            rows = rare.nonzero().squeeze(1)
            output = output.index_copy(0, rows, self._all(input[rows], head[rows]).argmax(1))
        return output
