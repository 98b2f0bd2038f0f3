"""Where random programs may depart from torch: what is seen, and why. A program ends there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.ops.fuzz import choices


class Departure(NamedTuple):
    """One known difference.

    reason: why it is there. what: of running.Difference. program, found: regular expressions found in the
    statements so far, the last of which begins with ">>> ", and in both errors with the difference
    ("ours ... torch ... value: ..."). when: what else must hold, asked of the run.
    """

    reason: str
    what: str
    program: str
    found: str
    when: Callable[[Any], bool] = lambda run: True


_TIES = "|".join(choices.CHOOSING)
_NOT_DIFFERENTIATED = "derivative for 'inplace version of a(cosh|sinh|tanh)'"
_RELAID = r"(squeeze|unsqueeze|t|transpose|swapaxes|swapdims|as_strided)_'?\]?(\.how)?\("
_KEPT = r"output 0 of (Elu1|Celu1|RreluWithNoise1)"  # of what writes
_WRITE = r">>> .*(\] = |index_put)"
_STALE = "ours None torch .*modified by an inplace"
_TWICE = "ours None torch .*through the graph a second time"
_NO_GRAPH = "{'requires_grad': False, 'is_leaf': True, 'graph': False"
_RELAYOUT = "(t|transpose|swapaxes|swapdims|squeeze|unsqueeze|as_strided)_"
_SEVERAL = "split|chunk|unbind|iter|(std|var)_mean|aminmax"
# Where torch changes its loop at nan.
_BROKEN = "hardshrink|softshrink|hardtanh|relu6|hardswish|elu|celu|selu|logit"
_WRITES = r"(_\(|_'\]\.how|\] = )"  # a write in place
_HOOKED = "|".join(
    [
        r"= (\S+)\.register_hook.*(\b\1\.\w+_\(|operator\.i\w+\(\1\b)",
        r"(no_grad|detach).*hook.*(_\(|\] = )",
        rf"hook.*(no_grad|detach|data).*{_WRITES}",
    ]
)
_WRITTEN = rf"(no_grad|detach|data).*({_WRITES}|\bi\w+\().*>>> .*autograd\.grad"

ON_PURPOSE = (
    Departure(
        "torch's backward fails where no index is given", "error", "scatter_reduce", "ours None.*must match"
    ),
    Departure("torch's library of Fourier transforms fails on nothing", "error", "fft", "ours None.*MKL FFT"),
    Departure(
        "NumPy does not compare shapes of nothing",
        "error",
        _WRITE,
        "ours None torch .*shape mismatch.* 0[],]",
    ),
    Departure(
        "to reach one output of a cut torch goes back through the others, whose retained gradients grow",
        *("gradient", rf"({_SEVERAL}).*(retain_grad|inputs=).*autograd\.grad", "grad"),
    ),
    Departure(
        "torch does not look at indices of nothing",
        "error",
        r">>> .*(\[|index_put)",
        "ours IndexError.*torch None",
    ),
    Departure(
        "of two mistakes each names one",
        *("error", ">>> .*ldexp", "ours NotImplementedError.*torch RuntimeError.*must match the size"),
    ),
    Departure(
        "of two mistakes each names one",
        *("error", ">>> .*ldexp_", "ours NotImplementedError.*torch RuntimeError.*output with shape"),
    ),
    Departure(
        "of two mistakes each names one",
        *("error", ">>> .*segment_reduce", "ours RuntimeError.*torch NotImplementedError"),
    ),
    Departure(
        "torch has no words for a wrong dimension",
        *("error", ">>> .*narrow_copy", "ours IndexError.*torch RuntimeError.*Expected dim < static_cast"),
    ),
    Departure(
        "torch sorts with a comparison that nan makes inconsistent",
        *("value", r">>> .*(\bmode\(|unique.*dim=)", "", choices.with_nan),
    ),
    *[
        Departure(
            "the vectors and the rest of torch's loops treat nan unlike",
            *(what, rf"({_BROKEN})_?\(", r" at \[", choices.with_nan),
        )
        for what in ("value", "gradient")
    ],
    *[
        Departure(
            "torch negates the uint8, which wraps", what, r"uint8.*a(rc)?tan2|a(rc)?tan2.*uint8", r"torch \["
        )
        for what in ("value", "gradient")
    ],
    Departure(
        "torch negates bool in the derivative",
        *("error", "a(rc)?tan2", "ours None torch .*Negation, the `-` operator, on a bool"),
    ),
    *[
        Departure("torch loses the gradient of a negative start", what, r"narrow_copy\(.*-\d", r" at \[")
        for what in ("value", "gradient")
    ],
    Departure(
        "torch reads beyond its input where segments are unsafe",
        *(
            "error",
            ">>> .*segment_reduce.*(unsafe=True|offsets)",
            "ours RuntimeError.*(segments within|sizes of data before the axis).*torch None",
        ),
    ),
    Departure(
        "torch writes repeated elements, and says that it will refuse",
        *(
            "error",
            r"(expand|broadcast).*>>> .*(\] = |index_put_|_fill_|fill_diagonal_|tri[lu]_)",
            "ours RuntimeError.*share one place in memory .expand.*torch None",
        ),
    ),
    Departure(
        "torch's backward fails on mixed dtypes",
        *("error", "addr", "ours None torch .*addmv input tensors must have the same dtype"),
    ),
    Departure(
        "torch's kron does not see that what it saved was written, and goes back with that",
        *("error", "kron", "ours RuntimeError.*mul saved .*was written in place.*torch N"),
    ),
    Departure(
        "where in memory a view of nothing lies is no promise",
        *("error", r">>> .*as_strided", "ours None torch .*setStorage", choices.with_nothing),
    ),
    Departure(
        "where in memory a view of nothing lies is no promise",
        *("value", r">>> .*as_strided", r" at \[", choices.with_nothing),
    ),
    *[
        Departure(
            "a number is saved as such here, so that what is written through .data does not reach it",
            *(what, rf"\.data\b.*{_WRITES}.*>>> .*(backward|autograd\.grad)\(", "", choices.with_numbers),
        )
        for what in ("value", "gradient")
    ],
    Departure(
        "torch has one node for both results, and saves for one what the other does not read",
        *("error", "(std|var)_mean|aminmax", _STALE),
    ),
    Departure(
        "torch's backward of nothing fails",
        *("error", "channel_shuffle", "ours None torch .*Number of groups to divide channels in"),
    ),
    Departure(
        "torch does not compare dtypes of nothing",
        "error",
        r">>> .*(mm|mul|@|cdist|\w_norm|einsum|tensordot|grid_sample)",
        "ours .*(Convert one|they must be equal).*torch (None|IndexError.*select)",
        choices.with_nothing,
    ),
    Departure(
        "torch does not count the dimensions of a weight that has nothing to do",
        *("error", ">>> .*bilinear", "ours RuntimeError.*are needed.*torch None", choices.with_nothing),
    ),
    Departure("torch saves what it reads for other inputs only", "error", "addcdiv|soft_margin_loss", _STALE),
    Departure(
        "torch's fill_diagonal_ takes the rows of a view for its memory",
        *("error", r">>> .*fill_diagonal_.*wrap=True", "ours None torch .*setStorage"),
    ),
    Departure(
        "torch saves places at which nothing is sampled",
        *("error", "grid_sample", f"{_STALE}.*0, ", choices.with_nothing),
    ),
    *[
        Departure(
            "torch shares out among equal elements of a segment what is positive only",
            *(what, r"segment_reduce[^\n]*'m(in|ax)'", r" at \["),
        )
        for what in ("gradient", "value")
    ],
    Departure(
        "torch saves the inputs of bilinear, of which here products are saved", "error", "bilinear", _STALE
    ),
    Departure(
        "torch saves the input of cummax and cummin, which no rule reads", "error", "cum(max|min)", _STALE
    ),
    Departure(
        "torch saves a copy of what it folds for a product of many matrices",
        *("error", "matmul|@", "ours RuntimeError.*matmul saved .*was written in place.*torch None"),
    ),
    Departure(
        "the bias of a normalisation is saved here, too",
        *("error", r"\w_norm\(", r"ours RuntimeError.*\w_norm saved .*was written in place.*torch None"),
    ),
    Departure(
        "torch reads nothing for a view that was cut in no_grad, and whose gradient it drops",
        *("error", "no_grad", "ours RuntimeError.*was written in place.*torch None", choices.cut_views),
    ),
    Departure(
        "torch's derivative of as_strided_scatter makes a view beyond its memory",
        *("error", "as_strided_scatter", "ours None torch .*setStorage"),
    ),
    Departure(
        "torch saves the result of ctc_loss, which no rule here reads",
        *("error", "ctc_loss", f"{_STALE}.*output 0 of CtcLoss"),
    ),
    Departure(
        "torch looks for targets beyond the classes where no path leads",
        *("error", ">>> .*ctc_loss", "ours RuntimeError.*targets has.*torch None"),
    ),
    Departure(
        "torch saves scaled copies of what is attended to, where here that itself is saved",
        *("error", "scaled_dot_product_attention", "ours .*attention_weights saved.*torch None"),
    ),
    Departure(
        "torch adds to a gradient before it goes on to what has saved that gradient",
        *("error", r"(v\d+) = \S+\.grad\n.*\b\1\b", _STALE),
    ),
    Departure(
        "which elements without weight are drawn is no promise",
        *("value", ">>> .*multinomial", "int64.* at ", choices.weightless),
    ),
    *[
        Departure(
            "torch multiplies inf by 0 in the derivative of margins",
            *(what, r"_margin_loss", r"ours None torch None .*: \[[^n]*\] and torch \[.*nan"),
        )
        for what in ("gradient", "value")
    ],
    *[
        Departure(
            "torch spreads the gradient of one place over a source larger than the index",
            *(what, r"scatter_reduce[^\n]*torch\.tensor\((\d|\[\d\]), [^\n]*'prod'", " at "),
        )
        for what in ("gradient", "value")
    ],
    *[
        Departure(
            "a view of what was detached in place, and then written, keeps its graph here",
            *(what, rf"detach_\(\).*{_WRITES}", found, choices.views_without),
        )
        for what, found in (
            ("error", "ours .*(already used and freed|was written in place).*torch None"),
            ("gradient", ""),
            ("flags", "grad is tensor.* and torch None"),
        )
    ],
    Departure(
        "torch does not compare shapes where attention has nothing to see, or to say",
        *(
            "error",
            ">>> .*scaled_dot_product_attention",
            "ours RuntimeError.*torch None",
            choices.with_nothing,
        ),
    ),
    *[
        Departure(
            "torch's as_strided_scatter goes back to what was replaced, and not to the rest",
            *(what, "as_strided_scatter", r" at \["),
        )
        for what in ("gradient", "value")
    ],
    *[
        Departure(
            "with include_last_offset torch's last bag takes also what lies behind it",
            *(what, "embedding_bag.*mode='m(ax|ean)'.*include_last_offset=True", r" at \["),
        )
        for what in ("value", "gradient")
    ],
    Departure(
        "torch refuses a negative slope, or alpha, where the result was written",
        *("error", "", "ours None torch .*In-place (elu|leakyReLu) backward calculation is triggered"),
    ),
    Departure(
        "torch runs no rule for what nothing needs below, so it does not refuse",
        *("error", r"no_grad.*unique", "ours NotImplementedError.*there is no derivative.*torch None"),
    ),
    Departure(
        "torch saves nothing, or for another input, where here a product with a number or an index is saved",
        *(
            "error",
            r"alpha=|scatter_add|index_add|gradient\(|affine_grid|scaled_dot_product_attention",
            "ours RuntimeError.*this graph was already used and freed.*torch None",
        ),
    ),
    Departure(
        "torch saves more than it reads",
        *("error", "addcdiv|copysign|rounding_mode|batch_norm", _TWICE),
    ),
    Departure("torch saves the source of index_add, which no rule reads", "error", "index_add", _STALE),
    Departure(
        "torch saves the input of nll_loss, of which rules read the shape", "error", "nll_loss", _STALE
    ),
    Departure(
        "of two mistakes each names one",
        *("error", ">>> .*index_put", "ours RuntimeError.*must be equal.*torch IndexError.*shape mismatch"),
    ),
    Departure(
        "torch saves the input of pools and borders, which no rule reads",
        *("error", r"avg_pool|adaptive_max_pool|max_unpool|pad\(|interpolate", _STALE),
    ),
    Departure(
        "torch's mean of equal numbers is rounded, so that they have a variance",
        *("value", r">>> .*\w_norm\(", "float32.* at ", choices.equal_results(1e-4)),
    ),
    Departure(
        "of two mistakes each names one",
        *("error", "", "ours RuntimeError.*share one place in memory .expand.*torch IndexError"),
    ),
    Departure(
        "torch's class for an index out of range depends on the kernel that it takes",
        *("error", "index_add", "ours RuntimeError.*index has.*torch IndexError.*index out of range in self"),
    ),
    Departure(
        "of two mistakes each names one",
        *("error", r">>> .*functional\.unfold", "ours IndexError.*torch RuntimeError.*Expected 3D or 4D"),
    ),
    Departure(
        "of two mistakes each names one",
        *("error", ">>> .*ami(n|nmax)|amax", "ours RuntimeError.*only once.*torch IndexError.*non-zero size"),
    ),
    Departure(
        "of two mistakes each names one",
        *("error", r">>> .*\bcross\b", "ours RuntimeError.*must be equal.*torch IndexError.*no dimensions"),
    ),
    Departure(
        "of two mistakes each names one",
        *(
            "error",
            ">>> .*cross_entropy",
            "ours ValueError.*target must be.*torch RuntimeError.*target dtype",
        ),
    ),
    Departure(
        "what there is not enough memory for has Python's class here",
        *("error", "", "ours MemoryError.*torch RuntimeError.*can't allocate memory"),
    ),
    Departure(
        "torch fails where it says that sizes do not fit a number",
        *("error", ">>> .*addmv", "ours RuntimeError.*torch IndexError.*Dimension specified as 0"),
    ),
    Departure(
        "torch makes a slice of no sizes", "error", ">>> .*nll_loss", "torch RuntimeError.*invalid slice"
    ),
    Departure(
        "torch looks for attributes of what is no tensor",
        *("error", "", "ours TypeError.*torch AttributeError"),
    ),
    Departure(
        "which of equal elements comes first is no promise",
        *("value", rf">>> .*({_TIES})", r"value: \S+, int64.* at \[", choices.equal_elements),
    ),
    Departure(
        "which of equal elements gets the gradient is no promise",
        *("gradient", "quantile", "", choices.equal_gradients),
    ),
    Departure(
        "places in what is not sorted are no promise",
        *("value", ">>> .*(searchsorted|bucketize)", r"value: \S+, int(32|64)", choices.unsorted),
    ),
    Departure(
        "bins whose edges do not ascend are no promise",
        *("value", ">>> .*histogram", "", choices.unordered_bins),
    ),
    Departure("bins between equal edges are no promise", "value", r"1e\+30.*>>> .*hist(c|ogram)", ""),
    Departure("torch's counts overflow in int64", "value", ">>> .*poisson", r"torch \[.*-9\.223"),
    Departure(
        "torch looks for the mean beside the variance, where inf - inf is nan",
        *("value", ">>> .*(var|std)_mean", r"inf.* torch .*nan"),
    ),
    Departure(
        "torch does not look at the dimension of nothing",
        *("error", r">>> .*(cum(max|min)|roll)", "ours IndexError.*torch None", choices.with_nothing),
    ),
    Departure(
        "torch's zeros without memory cannot be written", "error", "", "torch .*ZeroTensors are immutable"
    ),
    *[
        Departure(
            "torch multiplies inf by 0 in cumprod's derivative", what, "inf.*(cumprod|vander)", "torch .*nan"
        )
        for what in ("value", "gradient")
    ],
    Departure(
        "torch's derivative of logcumsumexp passes over nan",
        *("gradient", "logcumsumexp", r"nan.* torch .*\b0\.", choices.with_nan),
    ),
    Departure("torch's largest distance passes over nan", "value", r"cdist\(.*, inf\)", "nan.* torch "),
    Departure(
        "torch computes less in half precision",
        *("error", "", r"ours None torch NotImplementedError.*not implemented for .{1,2}(Complex)?Half"),
    ),
    Departure("torch counts what is nan as nan", "value", r"[pc]dist\(.*, 0\)", "torch .*nan"),
    Departure(
        "torch has no gradient where p is 0",
        *("error", r"dist\(.*, 0\)", "ours None torch .*Expected a proper Tensor but got None"),
    ),
    Departure(
        "torch adds gradients in place, also into expanded memory",
        *("error", "expand.*>>> .*create_graph", "ours None torch .*more than one element of the written-to"),
    ),
    Departure(
        "torch has no derivative by the targets and weights of these losses",
        *(
            "error",
            ">>> .*(binary_cross_entropy|margin_loss)",
            "ours None torch .*not differentiable with respect to argument",
        ),
    ),
    Departure(
        "torch saves the result of ldexp also where the exponents are integers",
        *("error", "ldexp", f"{_STALE}.*output 0 of Ldexp"),
    ),
    Departure(
        "torch saves the input of gather, which no rule reads", "error", "gather|take_along_dim", _STALE
    ),
    Departure(
        "torch saves both operands of dist, of which only the difference is read", "error", "dist", _STALE
    ),
    Departure(
        "with assume_unique nothing is promised for what is not unique",
        "value",
        "isin.*assume_unique=True",
        "",
    ),
    Departure(
        "sums of what is infinite are inf or nan, by the order of their terms",
        *("value", ">>> .*fft", r" at \[", choices.not_finite),
    ),
    Departure("torch saves the result of cdist", "error", "cdist", f"{_STALE}.*output 0 of (Cdist|Euclid)"),
    Departure(
        "torch saves the result of copysign also where only the sign needs a gradient",
        *("error", "copysign", f"{_STALE}.*output 0 of Copysign"),
    ),
    *[
        Departure("what is composed in torch ends in a view there", what, program, found, choices.more_views)
        for what, program, found in (
            ("error", "", "torch .*Can't detach views in-place"),
            ("error", r"_\(|\] = ", _TWICE),
            ("gradient", r"retain_grad|inputs=", r"\.grad, "),
            ("flags", r"retain_grad|inputs=", "grad is tensor.* and torch None"),
            ("gradient", rf"register_hook.*{_WRITES}|{_WRITES}.*register_hook", ""),
            ("flags", rf"register_hook.*{_WRITES}", "hooks ran"),
            ("result", rf"{_WRITES}.*>>> .*autograd\.grad", r" and torch \[None"),
        )
    ],
    Departure("torch reads more in mse_loss's derivative", "error", "mse_loss.*create_graph", _STALE),
    Departure("torch saves the divisor of a rounded quotient", "error", "rounding_mode", _STALE),
    Departure(
        "torch's backward fails where the bounds of clamp are larger than its input",
        *("error", "clamp", "torch .*doesn't match the broadcast shape"),
    ),
    Departure(
        "of an operand of another dtype the conversion is saved",
        *("error", "", f"{_STALE}.*(Half|Float|Double)Tensor", choices.mixed),
    ),
    Departure(
        "torch's backward fails on bool exponents and bases",
        *("error", "", "torch .*(Subtraction, the `-` operator, with a bool|unknown ivalue tag)"),
    ),
    Departure(
        "torch takes a target [1] for one class, and fails later",
        *("error", "nll_loss|cross_entropy", "torch .*(size mismatch .got input|output with shape)"),
    ),
    Departure(
        "torch lacks a derivative that is 0",
        *("error", "", "torch .*aten::(floor_divide|remainder)_? is not implemented"),
    ),
    Departure(
        "torch lacks the derivative of scatter with reduce=",
        *("error", "scatter_?.*reduce=", "ours None torch .*aten::scatter_? is not implemented"),
    ),
    Departure(
        "a second derivative that is 0 is recorded by one and not by the other",
        *(
            "flags",
            "create_graph",
            r"^ours None torch None flags: of \S+: {'requires_grad'",
            choices.no_further,
        ),
    ),
    Departure(
        "a second derivative that is 0 is recorded by one and not by the other",
        *("error", ">>> .*create_graph", "does not require grad", choices.zero),
    ),
    Departure(
        "a second derivative that is 0 is recorded by one and not by the other",
        *("result", ">>> .*create_graph", r" is \[.*None.* and torch \[", choices.zero),
    ),
    Departure(
        "torch keeps a leaf itself for the second derivative, also one that was told to require grad since",
        *(
            "error",
            r"\.requires_grad_\(\).*>>> .*create_graph",
            "ours RuntimeError.*does not require grad.*torch None",
        ),
    ),
    Departure(
        "torch keeps a leaf itself for the second derivative, also one that was told to require grad since",
        *("flags", r"\.requires_grad_\(\).*>>> .*create_graph", "'graph': False.* and torch .*'graph': True"),
    ),
    Departure(
        "torch cannot write what retains its gradient where a node has several outputs, or it another shape",
        *("error", "retain_grad|inputs=", r"ours None.*INTERNAL ASSERT FAILED.*variable\.cpp"),
    ),
    Departure(
        "torch's cov writes the view that it makes of a 0-d input",
        *("error", r">>> .*\bcov\(", "ours None torch .*a view of a leaf Variable"),
    ),
    Departure("torch's cov writes the view that it makes of its input", "value", r">>> .*\bcov\(", r" at \["),
    Departure(
        "torch's as_strided_scatter takes contiguous inputs only, as its own message says",
        *("error", ">>> .*as_strided_scatter", "ours None.*INTERNAL ASSERT FAILED.*contiguous inputs"),
    ),
    Departure(
        "torch lacks this second derivative",
        *(
            "error",
            "create_graph",
            "ours None torch .*derivative for .*_backward'? is not implemented",
        ),
    ),
    Departure(
        "of two mistakes each names one",
        *(
            "error",
            "",
            "ours IndexError.*torch RuntimeError.*(view was created in no_grad|view and is being|a leaf Var)",
        ),
    ),
    Departure(
        "of two mistakes each names one",
        *(
            "error",
            r">>> .*true_divide_\(.*rounding_mode",
            "ours .*(a leaf |is a view that cannot).*torch TypeError",
        ),
    ),
    Departure(
        "a view that was cut in no_grad requires grad, also once its base requires none any more",
        *(
            "flags",
            r"no_grad\(\).*(requires_grad_\(False\)|detach_\(\))",
            f"'requires_grad': True, 'is_leaf': True, 'graph': False.*torch {_NO_GRAPH}",
        ),
    ),
    Departure(
        "torch multiplies inf by 0 in the second derivative",
        *("value", r"inf.*smooth_l1_loss.*create_graph", r"torch \[.*nan"),
    ),
    Departure(
        "of two mistakes each names one",
        *(
            "error",
            ">>> .*index_put",
            "ours (RuntimeError.*than the indexed part.*torch IndexError|IndexError.*torch .*shape mismatch)",
        ),
    ),
    Departure(
        "strides of gradients are no promise",
        *("error", ">>> .*view of bytes", r"ours None torch .*stride\(-1\) must be 1"),
    ),
    Departure(
        "torch's backward fails where there is a bias and no weight",
        *("error", "group_norm", "ours None torch .*tensor does not have a device"),
    ),
    Departure(
        "torch's backward fails on mixed dtypes",
        *("error", "huber_loss", "ours None torch .*Found dtype"),
    ),
    Departure(
        "torch rounds 1/6 to float32",
        *("gradient", "hardsigmoid", "float64", choices.within(1e-7)),
    ),
    Departure(
        "torch leaves a result's memory larger than the result",
        *(
            "error",
            ">>> .*as_strided",
            "ours RuntimeError.*the memory under input has.*torch None",
            choices.roomy,
        ),
    ),
    Departure(
        "of two mistakes each names one",
        *(
            "error",
            "",
            "ours NotImplementedError.*there is no derivative.*torch RuntimeError.*"
            "(is not implemented|modified by an inplace|returned an invalid gradient|can't be cast)",
        ),
    ),
    Departure(
        "where in memory a view of nothing lies is no promise",
        *("error", ">>> .*view of bytes", "ours None torch .*storage_offset", choices.with_nothing),
    ),
    Departure(
        "torch's backward of nothing fails",
        *("error", "adaptive_|interpolate", "ours None torch .*Expected grad_output to have non-zero size"),
    ),
    Departure(
        "torch's backward of nothing fails",
        *("error", "pixel_(un)?shuffle", "ours None torch .*(PixelShuffle.*invalid|pixel_shuffle expects)"),
    ),
    Departure(
        "several views that were cut before their base was written and told to require grad are refused by "
        "torch, and have no graph here",
        *("flags", r"requires_grad_\(\)", f"{_NO_GRAPH}.*torch {{'error': 'RuntimeError'"),
    ),
    Departure(
        "torch spreads one value at a mask, and its backward fails",
        *("error", "index_put|\\] = ", "torch .*returned an invalid gradient"),
    ),
    Departure("torch divides by x in the derivative of x**False", "gradient", "pow.*False", "torch .*nan"),
    Departure(
        "torch saves the result of pow, which no rule reads", "error", "", f"{_STALE}.*output 0 of Pow"
    ),
    Departure(
        "torch refuses saved tensors that were detached in place",
        *("error", "detach_", "torch .*has been detached in-place"),
    ),
    Departure(
        "torch calls hooks of unused outputs with None", "error", "register_hook", "torch .*'NoneType'"
    ),
    Departure(
        "torch calls hooks of unused outputs with None", "flags", f"({_SEVERAL}).*register_hook", "hooks ran"
    ),
    Departure(
        "torch has one node for several outputs, and goes through all",
        *(
            "error",
            f"({_SEVERAL}).*>>> ",
            "ours None torch .*(Trying to backward through|modified by an|derivative for)",
        ),
    ),
    Departure(
        "torch has one node for several outputs, and goes through all",
        *("flags", r"(retain_grad|inputs=).*>>> .*(autograd\.grad|inputs=)", "grad is None"),
    ),
    Departure(
        "torch forgets hooks of an input of grad() that lies above another one",
        *("value", r"register_hook.*>>> .*autograd\.grad\(", "", choices.hooked_inputs),
    ),
    *[
        Departure(
            "torch forgets hooks of a view that is then written", what, _HOOKED, found, choices.hooked_views
        )
        for what, found in (("flags", "hooks ran"), ("gradient", ""), ("value", "grad"))
    ],
    *[
        Departure("torch gives views of what was written new nodes", what, _WRITTEN, found)
        for what, found in (
            ("error", "ours None torch .*not have been used"),
            ("result", "None"),
            ("value", r"torch \[0\."),
        )
    ],
    Departure(
        "a view of what was written before it was told to require grad is cut anew by torch, and so gets a "
        "graph that it has not without the write",
        *(
            "flags",
            rf"{_WRITES}.*>>> .*\.requires_grad_\(\)$",
            f"{_NO_GRAPH}.*torch {{'requires_grad': True, 'is_leaf': False, 'graph': True",
        ),
    ),
    Departure(
        "torch has no derivative of what is written, only of the same function out of place",
        *("error", "", f"torch NotImplementedError.*{_NOT_DIFFERENTIATED}"),
    ),
    Departure(
        "torch's backward fails where the index has another shape than the source",
        *(
            "error",
            r"\bscatter(_add|_reduce)?_?\b",
            "ours None torch .*(Scatter|CopySlices).* returned an invalid gradient",
        ),
    ),
    Departure(
        "torch's vander writes what its own derivative reads", "error", "vander", f"{_STALE}.*AsStrided"
    ),
    Departure(
        "torch gives back the gradient of a float in the dtype of the int that divides it",
        *("error", "addcdiv", "ours None torch .*Float can't be cast to the desired output type Long"),
    ),
    Departure(
        "torch saves the result of what is written, which no rule here reads",
        *(
            "error",
            r"\b(r?elu|selu|celu|leaky_relu)_\(",
            f"{_STALE}.*output 0 of (Elu1|Celu1|LeakyRelu1|AsStrided)",
        ),
    ),
    Departure(
        "torch's backward writes into expanded memory",
        *(
            "error",
            r"(expand|broadcast).*(zero_|fill_|threshold_)\(",
            "ours None torch .*more than one element of the written-to",
        ),
    ),
    Departure(
        "torch's backward fails where the shape was changed in no_grad",
        *(
            "error",
            rf"no_grad\(\).*\n    [^\n]*\b{_RELAYOUT}\b",
            "ours None torch .*(invalid gradient at index 0|doesn't match the broadcast shape)",
        ),
    ),
    Departure(
        "torch gives a view whose base was written without a graph another node, which retains nothing",
        *("flags", rf"retain_grad.*(no_grad|detach|data).*{_WRITES}", "grad is tensor.* and torch None"),
    ),
    Departure(
        "torch gives a view whose base changed its shape another node, which retains nothing",
        *(
            "flags",
            rf"(retain_grad|inputs=).*\b{_RELAYOUT}\b|\b{_RELAYOUT}\b.*inputs=",
            "grad is tensor.* and torch None",
        ),
    ),
    Departure(
        "torch gives a view whose base was written without a graph another node, which retains nothing",
        *(
            "gradient",
            r"(\S+)\.retain_grad.*(no_grad|detach|data).*(_\(|\] = )",
            r"v\d+(\[\d\])?\.grad, .*torch",
        ),
    ),
    Departure(
        "torch gives a view whose base was written without a graph another node, which retains nothing",
        *(
            "gradient",
            rf"(no_grad|detach|data).*{_WRITES}.*(retain_grad|inputs=)",
            r"v\d+(\[\d\])?\.grad, .*torch",
            choices.retained_views,
        ),
    ),
    Departure(
        "torch's block_diag goes back to other places where a block is [0]",
        *("gradient", "block_diag", r" at \[", choices.with_nothing),
    ),
    Departure(
        "torch changes the shape in no_grad, and not the graph",
        *("gradient", rf"no_grad\(\).*\n    [^\n]*\b{_RELAYOUT}\b", ""),
    ),
    Departure(
        "torch saves the input of rrelu, which no rule here reads",
        "error",
        "rrelu",
        rf"{_STALE}.*output 0 of",
    ),
    Departure(
        "torch asks for views that its layout does not have",
        *("error", ">>> .*(kron|take_along_dim|isin)", "ours None torch .*view size is not compatible"),
    ),
    Departure(
        "where logit has no value torch multiplies nan by its zero second derivative",
        *("gradient", "logit.*create_graph", r"torch \[.*nan"),
    ),
    Departure(
        "torch has one node for several outputs, also where none has a derivative",
        *("flags", r"histogram.*register_hook", "hooks ran"),
    ),
    Departure(
        "strides of zeros are no promise",
        *("error", "materialize_grads.*view", "torch .*view size is not compatible"),
    ),
    Departure(
        "a view that was cut before its base was told to require grad says in torch that it requires it, and "
        "is used as if; its gradient is dropped without a word",
        *(
            "flags",
            r"\.requires_grad_\(\)",
            f"{_NO_GRAPH}.*torch {{'requires_grad': True, 'is_leaf': True",
        ),
    ),
    Departure(
        "torch writes memory with elements at one place in the order of its loops",
        *(
            "error",
            "unfold|as_strided|>>> .*(index_fill|tril|triu)_",
            "ours RuntimeError.*share one place in memory.*torch (None|IndexError)",
        ),
    ),
    Departure(
        "torch runs the op of a computed input, too, and drops what it gives",
        *(
            "error",
            r"backward\([^\n]*inputs=",
            "ours None torch .*(Trying to backward through|modified by an inplace|derivative for)",
        ),
    ),
    Departure(
        "torch's retained gradient is that of the tensor before its shape was changed",
        *("gradient", rf"(retain_grad|inputs=).*\b{_RELAYOUT}\b", r"\.grad is .* and torch "),
    ),
    Departure(
        "torch's retained gradient is that of the tensor before its shape was changed",
        *("flags", rf"(retain_grad|inputs=).*\b{_RELAYOUT}\b", r"\.grad is None and torch "),
    ),
    Departure(
        "torch says that a leaf retains its gradient, if it was detached in place",
        *(
            "flags",
            r"(retain_grad|inputs=).*>>> .*detach_\(\)",
            "'is_leaf': True, 'graph': False, 'retains': True}$",
        ),
    ),
)

# Differences that are bugs, or not yet decided; each entry goes when its bug does.
OPEN: tuple[Departure, ...] = ()


def reason(what: str, program: str, found: str, run: Any) -> str:
    """Why a difference may be there; "" if it may not."""
    for d in (*ON_PURPOSE, *OPEN):
        known = d.what == what and re.search(d.program, program, re.S) and re.search(d.found, found, re.S)
        if known and d.when(run):
            return d.reason
    return ""
