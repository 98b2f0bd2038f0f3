"""Where values, gradients, or what is said of graphs differ."""

from __future__ import annotations

from tests.ops.fuzz import choices
from tests.ops.fuzz.known.common import (
    BROKEN,
    HOOKED,
    LEAVES,
    NO_GRAPH,
    RELAYOUT,
    SEVERAL,
    TIES,
    TWICE,
    WRITES,
    WRITTEN,
    Departure,
)

DIFFERENT = (
    Departure(
        "to reach one output of a cut torch goes back through the others, whose retained gradients grow",
        *("gradient", rf"({SEVERAL}).*(retain_grad|inputs=).*(autograd\.grad|inputs=)", "grad"),
    ),
    Departure(
        "torch's second derivative of what renorm leaves as it is is nan",
        *("value|gradient", r"renorm.*create_graph", r"torch \[.*nan"),
    ),
    Departure(
        "torch sorts with a comparison that nan makes inconsistent",
        *("value", r">>> .*(\bmode\(|unique.*dim=)", "", choices.with_nan),
    ),
    Departure(
        "the vectors and the rest of torch's loops treat nan unlike",
        *("value|gradient", rf"({BROKEN})_?\(", r" at \[", choices.with_nan),
    ),
    Departure(
        "torch negates the uint8, which wraps",
        "value|gradient",
        r"uint8.*a(rc)?tan2|a(rc)?tan2.*uint8",
        r"torch \[",
    ),
    Departure(
        "torch loses the gradient of a negative start", "value|gradient", r"narrow_copy\(.*-\d", r" at \["
    ),
    Departure(
        "where in memory a view of nothing lies is no promise",
        *("value", r">>> .*as_strided", r" at \[", choices.with_nothing),
    ),
    Departure(
        "a number is saved as such here, so that what is written through .data does not reach it",
        *(
            "value|gradient",
            rf"\.data\b.*{WRITES}.*>>> .*(backward|autograd\.grad)\(",
            "",
            choices.with_numbers,
        ),
    ),
    Departure(
        "torch shares out among equal elements of a segment what is positive only",
        *("value|gradient", r"segment_reduce[^\n]*'m(in|ax)'", r" at \[", choices.equal_in_segments),
    ),
    Departure(
        "which elements without weight are drawn is no promise",
        *("value", ">>> .*multinomial", "int64.* at ", choices.weightless),
    ),
    Departure(
        "torch multiplies inf by 0 in the derivative of margins",
        *(
            "value|gradient",
            r"_margin_loss",
            r"ours None torch None .*: \[[^n]*\] and torch \[.*nan",
            choices.with_inf,
        ),
    ),
    Departure(
        "torch spreads the gradient of one place over a source larger than the index",
        *("value|gradient", r"scatter_reduce[^\n]*torch\.tensor\((\d|\[\d\]), [^\n]*'prod'", " at "),
    ),
    *[
        Departure(
            "a write that is not recorded leaves views' graphs here, until their base leaves its own",
            *(what, rf"(no_grad|detach|data).*{WRITES}.*{LEAVES}", found, choices.views_without),
        )
        for what, found in (
            ("error", "ours .*(already used and freed|was written in place).*torch None"),
            ("gradient", ""),
            ("flags", "grad is tensor.* and torch None"),
        )
    ],
    Departure(
        "torch's as_strided_scatter goes back to what was replaced, and not to the rest",
        *("value|gradient", "as_strided_scatter", r" at \["),
    ),
    Departure(
        "with include_last_offset torch's last bag takes also what lies behind it",
        *("value|gradient", "embedding_bag.*mode='m(ax|ean)'.*include_last_offset=True", r" at \["),
    ),
    Departure(
        "torch's mean of equal numbers is rounded, so that they have a variance",
        *("value", r">>> .*\w_norm\(", "float32.* at ", choices.equal_results(1e-4)),
    ),
    Departure(
        "torch's mean of equal numbers is rounded, so that they have a variance",
        *("value", r">>> .*corrcoef", r"\[nan.*torch \[1", choices.of_equals("corrcoef")),
    ),
    Departure(
        "torch divides by the factor, which is nan, for the derivative of a product",
        *("gradient", "scatter_reduce prod.*include_self=False", r"torch \[.*nan", choices.with_nan),
    ),
    Departure(
        "which of equal elements comes first is no promise",
        *("value", rf">>> .*({TIES})", r"value: \S+, int64.* at \[", choices.equal_elements),
    ),
    Departure(
        "which of equal elements comes first is no promise, nor what order that order has",
        *(
            "value",
            r">>> [^>]*for _ in range[^>]*argsort",
            r"value: \S+, int64.* at \[",
            choices.equal_at_first,
        ),
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
        "which of several values for one place remains is no promise",
        *("value", r">>> .*\bput_?\(", r" at \[", choices.repeated_places),
    ),
    Departure(
        "torch gives the input itself for the gradient of nothing",
        *("flags", r"cum(max|min)", f"{NO_GRAPH}.*torch {{'requires_grad': True", choices.with_nothing),
    ),
    Departure(
        "so far outside that no digits are left for the pixel torch reads another one",
        *("value|gradient", "grid_sample.*'reflection'", r" at \[", choices.far_places),
    ),
    Departure(
        "torch's attention leaves out the leading sizes of values that have nothing to say",
        *("value", ">>> .*scaled_dot_product_attention", "is float.* and torch float", choices.with_nothing),
    ),
    Departure(
        "torch scales mean and input by themselves, where inf - inf is nan",
        *("value", ">>> .*(instance|batch|group)_norm.*", "value: [^\n]*inf[^\n]* and torch [^\n]*nan"),
    ),
    Departure(
        "torch scales mean and input by themselves, where large numbers overflow",
        *(
            "value",
            ">>> .*(instance|batch|group)_norm.*",
            r"value: [^\n]*e\+\d\d+[^\n]* and torch [^\n]*(inf|nan)",
        ),
    ),
    Departure(
        "numbers between the ends, of which each is rounded as the ends are",
        *("value", ">>> .*linspace", "float32.* at ", choices.within(2.4e-7)),
    ),
    Departure(
        "of the sum in a logarithm, which is 1 or more, the last place is rounded",
        *("value", ">>> .*(log_softmax|cross_entropy)", " at ", choices.units(2)),
    ),
    Departure(
        "torch's gelu has few digits where 1 + erf(x) is small",
        *("value", ">>> .*gelu", " at ", choices.units(2)),
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
        "torch multiplies inf by 0 in cumprod's derivative",
        "value|gradient",
        "inf.*(cumprod|vander)",
        "torch .*nan",
    ),
    Departure(
        "torch's derivative of logcumsumexp passes over nan",
        *("gradient", "logcumsumexp", r"nan.* torch .*\b0\.", choices.with_nan),
    ),
    Departure(
        "torch's nanmedian reads expanded memory as if it were not",
        *("value", r"expand|broadcast", r" at \[", choices.nanmedian_of_expanded),
    ),
    Departure(
        "by products a point's distance from itself is the root of what rounding leaves",
        *("value", r">>> .*cdist\(.*'use_mm_for_euclid_dist'", r" at \[", choices.within(1e-7)),
    ),
    Departure("torch's largest distance passes over nan", "value", r"cdist\(.*, inf\)", "nan.* torch "),
    Departure("torch counts what is nan as nan", "value", r"[pc]dist\(.*, 0\)", "torch .*nan"),
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
    *[
        Departure("what is composed in torch ends in a view there", what, program, found, choices.more_views)
        for what, program, found in (
            ("error", "", "torch .*Can't detach views in-place"),
            ("error", r"no_grad.*_\(", "ours None torch .*view was created in no_grad"),
            ("error", r"_\(|\] = ", TWICE),
            ("gradient", r"retain_grad|inputs=", r"\.grad, "),
            ("flags", r"retain_grad|inputs=", "grad is tensor.* and torch None"),
            ("gradient", rf"register_hook.*{WRITES}|{WRITES}.*register_hook", ""),
            ("flags", rf"register_hook.*{WRITES}", "hooks ran"),
            ("result", rf"{WRITES}.*>>> .*autograd\.grad", r" and torch \[None"),
        )
    ],
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
        *("flags", "create_graph", r"grad is (None|.*torch None)", choices.retained_zeros),
    ),
    Departure(
        "a second derivative that is 0 is recorded by one and not by the other",
        *("result", ">>> .*create_graph", r" is \[.*None.* and torch \[", choices.zero),
    ),
    Departure(
        "torch keeps a leaf itself for the second derivative, also one that was told to require grad since",
        *("flags", r"\.requires_grad_\(\).*>>> .*create_graph", "'graph': False.* and torch .*'graph': True"),
    ),
    Departure("torch's cov writes the view that it makes of its input", "value", r">>> .*\bcov\(", r" at \["),
    Departure(
        "a view that was cut in no_grad requires grad, also once its base requires none any more",
        *(
            "flags",
            r"no_grad\(\).*(requires_grad_\(False\)|detach_\(\))",
            f"'requires_grad': True, 'is_leaf': True, 'graph': False.*torch {NO_GRAPH}",
        ),
    ),
    Departure(
        "torch multiplies inf by 0 in the second derivative",
        *("value", r"inf.*smooth_l1_loss.*create_graph", r"torch \[.*nan"),
    ),
    Departure(
        "torch rounds 1/6 to float32", "value|gradient", "hardsigmoid", "float64", choices.within(1e-7)
    ),
    Departure(
        "where circular padding also cuts, torch copies what it has not written yet",
        *("value|gradient", r"pad\([^\n]*-\d[^\n]*'circular'", r" at \["),
    ),
    Departure(
        "torch takes mean and deviation for constants in the third derivative of normalisations",
        *("value|gradient", "(batch|instance|layer)_norm.*create_graph.*create_graph", r" at \["),
    ),
    Departure(
        "torch's attention passes over rows of nan",
        *(
            "value",
            ">>> .*scaled_dot_product_attention",
            r"\[[^\n]*nan[^\n]* and torch [^\n]*\b0\.",
            choices.with_nan,
        ),
    ),
    Departure(
        "several views that were cut before their base was written and told to require grad are refused by "
        "torch, and have no graph here",
        *("flags", r"requires_grad_\(\)", f"{NO_GRAPH}.*torch {{'error': 'RuntimeError'"),
    ),
    Departure("torch divides by x in the derivative of x**False", "gradient", "pow.*False", "torch .*nan"),
    Departure(
        "torch calls hooks of unused outputs with None", "flags", f"({SEVERAL}).*register_hook", "hooks ran"
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
            "torch forgets hooks of a view that is then written", what, HOOKED, found, choices.hooked_views
        )
        for what, found in (("flags", "hooks ran"), ("gradient", ""), ("value", "grad"))
    ],
    *[
        Departure("torch gives views of what was written new nodes", what, WRITTEN, found)
        for what, found in (
            ("error", "ours None torch .*not have been used"),
            ("result", "None"),
            ("value", r"torch \[0\."),
        )
    ],
    Departure(
        "torch cuts a view by strides of what was written anew from its base, and so finds what lies beside",
        *("gradient", rf"as_strided.*(no_grad|detach|data).*{WRITES}", r" at \["),
    ),
    Departure(
        "a view of what was written before it was told to require grad is cut anew by torch, and so gets a "
        "graph that it has not without the write",
        *(
            "flags",
            rf"{WRITES}.*>>> .*\.requires_grad_\(\)$",
            f"{NO_GRAPH}.*torch {{'requires_grad': True, 'is_leaf': False, 'graph': True",
        ),
    ),
    Departure(
        "torch gives a view whose base was written without a graph another node, which retains nothing",
        *("flags", rf"retain_grad.*(no_grad|detach|data).*{WRITES}", "grad is tensor.* and torch None"),
    ),
    Departure(
        "torch gives a view whose base changed its shape another node, which retains nothing",
        *(
            "flags",
            rf"(retain_grad|inputs=).*\b{RELAYOUT}\b|\b{RELAYOUT}\b.*inputs=",
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
            rf"(no_grad|detach|data).*{WRITES}.*(retain_grad|inputs=)",
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
        *("gradient", rf"no_grad\(\).*\n    [^\n]*\b{RELAYOUT}\b", ""),
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
        "a view that was cut before its base was told to require grad says in torch that it requires it, and "
        "is used as if; its gradient is dropped without a word",
        *(
            "flags",
            r"\.requires_grad_\(\)",
            f"{NO_GRAPH}.*torch {{'requires_grad': True, 'is_leaf': True",
        ),
    ),
    Departure(
        "a view that was cut before its base was told to require grad says in torch that it requires it, and "
        "is used as if; its gradient is dropped without a word",
        *("gradient", rf"\.requires_grad_\(\).*{WRITES}", r"\.grad, ", choices.views_that_ask),
    ),
    Departure(
        "torch's sweep towards a view that was cut in no_grad runs nothing",
        *("flags", r"no_grad\(\).*retain_grad\(\).*>>> .*inputs=", "grad is tensor.* and torch None"),
    ),
    Departure(
        "torch adds a second hook to the first, which stays where the tensor was before it was written",
        *(
            "gradient",
            r"= (\S+)\.register_hook.*\b\1\b[^\n]*\n.*= \1\.register_hook",
            r"seen\[.*is .* and torch",
        ),
    ),
    Departure(
        "torch's retained gradient is that of the tensor before its shape was changed",
        *("gradient", rf"(retain_grad|inputs=).*\b{RELAYOUT}\b", r"\.grad is .* and torch "),
    ),
    Departure(
        "torch's retained gradient is that of the tensor before its shape was changed",
        *("flags", rf"(retain_grad|inputs=).*\b{RELAYOUT}\b", r"\.grad is None and torch "),
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
