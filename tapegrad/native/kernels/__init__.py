"""The kernels of the native tier: importing a module registers its stand-ins (see `native.choice`)."""

import sys
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import Any

from tapegrad.native import choice

# The modules, and the functions of `tapegrad.kernels` that they stand in for: a module is imported when one
# of them is called.
STAND_INS: dict[str, str] = {
    "attention": "attention.attention attention.attention_vjp",
    "broadcasting": "shape.broadcast",
    "channelnorm": "normalise.by_running normalise.by_running_vjp",
    "convolution": "convolution.convolved convolution.convolved_back",
    "convolution_weight": "convolution.convolved_weight convolution.convolved_both",
    "converting": "shape.converted",
    "copying": "shape.copied shape.contiguous shape.clone shape.cat shape.stack arrange.repeat"
    " arrange.repeat_each arrange.tril arrange.triu shape.replace",
    "differences": "cumulative.diff cumulative.undiff",
    "extremes": "reduce.argmax reduce.argmin",
    "filling": "filling.empty filling.zeros filling.fill memory.empty_like arrange.counted",
    "gated": "recurrent.gru recurrent.gru_back",
    "gathering": "embedding.take_rows embedding.add_rows shape.fetch shape.put shape.spread"
    " gathering.index_select gathering.take gathering.gather gathering.scatter gathering.scatter_add"
    " gathering.index_add gathering.index_spread gathering.spread",
    "integers": "pointwise.floor_divide pointwise.remainder numbers.gcd numbers.lcm",
    "lists": "reduce.norms writers.scale",
    "logsumexp": "statistics.logsumexp statistics.logsumexp_vjp",
    "masks": "search.nonzero",
    "optim": "optim.apply",
    "padding": "arrange.pad",
    "pairs": "linalg.dot reduce.range_of statistics.counts",
    "picking": "reduce.pick reduce.place reduce.place_all",
    "pooling": "pooling.max_pool pooling.max_pool_back pooling.max_pool_indices pooling.avg_pool"
    " pooling.avg_pool_back",
    "products": "linalg.mm linalg.matmul linalg.linear linalg.product_into linalg.addmm",
    "random": "generator.blocks drawing.draw random.scaled_uniform random.trials random.waits"
    " random.normal_groups random_integers.from_range random_integers.shuffled",
    "recurrent": "recurrent.lstm recurrent.lstm_back",
    "reduce": "reduce.sum reduce.prod reduce.amax reduce.amin reduce.all reduce.any reduce.norm reduce.var"
    " reduce.std shape.column_sum shape.sum_to statistics.count_nonzero",
    "resampling": "resampling.resampled",
    "rownorm": "normalise.affine normalise.affine_vjp normalise.plain normalise.plain_vjp"
    " normalise.root_mean_square normalise.root_mean_square_vjp",
    "scan": "cumulative.cumsum cumulative.cumprod cumulative.cummax_at cumulative.cummin_at cumulative.recur"
    " cumulative.logcumsumexp",
    "searching": "search.places",
    "series": "arrange.spaced",
    "softmax": "loss.softmax loss.log_softmax loss.softmax_vjp loss.log_softmax_vjp loss.cross_rows"
    " loss.cross_rows_vjp",
    "sorting": "sort.argsort sort.kth_at",
    "squares": "loss.mse loss.mse_vjp",
    "topk": "sort.topk",
    "writers": "distance.apart distance.shares labelled.cross labelled.dots linalg.outer"
    " operators.mul operators.div operators.sub operators.eq",
}


SMALL = ("broadcasting", "optim", "series")  # those that do small arrays good, and change no bit of a result
FEW = ("rows",)  # those that are for nothing else: they stand before the others
_promised: set[str] = set()


def install(modules: Iterable[str]) -> None:
    """Let the stand-ins of modules take their places, and those for small arrays."""
    for module in FEW:
        import_module(f"tapegrad.native.kernels.{module}")
    choice.install()
    for module in modules:
        if module not in _promised:
            _promised.add(module)
            name = f"tapegrad.native.kernels.{module}"
            if name not in sys.modules:  # else its stand-ins are there, and nobody is promised any
                bodies = [_body(body) for body in STAND_INS[module].split()]
                choice.promise(bodies, partial(import_module, name))
    choice.install()  # of what was imported before


def _body(name: str) -> Any:
    module, _, function = name.partition(".")
    return getattr(import_module(f"tapegrad.kernels.{module}"), function)
