"""Losses, as torch.nn.functional names them."""

from __future__ import annotations

from tapegrad.define import offer
from tapegrad.kernels.errstate import nameless
from tapegrad.ops import distances, losses

offer(vars(distances), functions="cosine_similarity pairwise_distance pdist", namespace="nn")
offer(vars(losses), functions="cross_entropy mse_loss nll_loss", namespace="nn")
nameless(globals())
