"""Where the two refuse unlike: what one takes, or says about it."""

from __future__ import annotations

from tests.ops.fuzz import choices
from tests.ops.fuzz.known.common import NOT_DIFFERENTIATED, WRITES, WRITTEN, Departure

# Calls, and what both say of them, where each names one of two mistakes.
MISTAKES = (
    (">>> .*ldexp", "ours NotImplementedError.*torch RuntimeError.*must match the size"),
    (">>> .*ldexp_", "ours NotImplementedError.*torch RuntimeError.*output with shape"),
    (">>> .*segment_reduce", "ours RuntimeError.*torch NotImplementedError"),
    (">>> .*batch_norm", "ours RuntimeError.*must be equal.*torch IndexError.*Dimension out"),
    (">>> .*histogram", "ours RuntimeError.*torch NotImplementedError.*Half"),
    ("unique_consecutive", "ours NotImplementedError.*unique_consecutive backward.*torch RuntimeError"),
    (
        "unique_consecutive",
        "ours RuntimeError.*is not used by the outputs.*torch NotImplementedError.*unique",
    ),
    (">>> .*index_put", "ours IndexError.*torch RuntimeError.*INTERNAL ASSERT"),
    (">>> .*norm", "ours IndexError.*dim is.*torch RuntimeError.*not have an identity"),
    (">>> .*index_put", "ours RuntimeError.*must be equal.*torch IndexError.*shape mismatch"),
    ("", "ours RuntimeError.*share one place in memory .expand.*torch IndexError"),
    (r">>> .*functional\.unfold", "ours IndexError.*torch RuntimeError.*Expected 3D or 4D"),
    (">>> .*ami(n|nmax)|amax", "ours RuntimeError.*only once.*torch IndexError.*non-zero size"),
    (r">>> .*\bcross\b", "ours RuntimeError.*must be equal.*torch IndexError.*no dimensions"),
    (">>> .*cross_entropy", "ours ValueError.*target must be.*torch RuntimeError.*target dtype"),
    ("", "ours IndexError.*torch RuntimeError.*(view was created in no_grad|view and is being|a leaf Var)"),
    (
        r">>> .*true_divide_\(.*rounding_mode",
        "ours .*(a leaf |is a view that cannot|share one place in memory).*torch TypeError",
    ),
    (
        ">>> .*index_put",
        "ours (RuntimeError.*than the indexed part.*torch IndexError|IndexError.*torch .*shape mismatch)",
    ),
    (
        "",
        "ours NotImplementedError.*there is no derivative.*torch RuntimeError.*"
        "(is not implemented|modified by an inplace|returned an invalid gradient|can't be cast"
        "|graph a second time)",
    ),
)

REFUSED = (
    *[Departure("of two mistakes each names one", "error", *both) for both in MISTAKES],
    Departure(
        "several views may be written in torch if their base was told to require grad since",
        *(
            "error",
            r"(split|chunk|unbind|iter).*requires_grad_\(\)",
            "ours RuntimeError.*it is one of several.*torch None",
        ),
    ),
    Departure(
        "torch gives views of what was written new nodes",
        *(
            "error",
            rf"(no_grad|detach|data).*{WRITES}.*>>> .*inputs=",
            "ours RuntimeError.*was written in place.*torch None",
        ),
    ),
    Departure(
        "torch does not look at indices of nothing",
        "error",
        r">>> .*(\[|index_put)",
        "ours IndexError.*torch None",
    ),
    Departure(
        "torch has no words for a wrong dimension",
        *("error", ">>> .*narrow_copy", "ours IndexError.*torch RuntimeError.*Expected dim < static_cast"),
    ),
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
            r"(expand|broadcast|meshgrid).*>>> .*(\] = |index_put_|_fill_|fill_diagonal_|tri[lu]_|addmv_)",
            "ours RuntimeError.*share one place in memory .expand.*torch None",
        ),
    ),
    Departure(
        "torch's kron does not see that what it saved was written, and goes back with that",
        *("error", "kron", "ours RuntimeError.*mul saved .*was written in place.*torch N"),
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
    Departure(
        "torch saves a copy of what it folds for a product of many matrices",
        *(
            "error",
            "matmul|@",
            r"ours .*a \w+\[\d+(, \d+){2,}\] array that matmul saved .*was written in place.*torch None",
        ),
    ),
    Departure(
        "the bias of a normalisation is saved here, too",
        *("error", r"\w_norm\(", r"ours RuntimeError.*\w_norm saved .*was written in place.*torch None"),
    ),
    Departure(
        "torch reads nothing for a view that was cut in no_grad, and whose gradient it drops",
        *(
            "error",
            "no_grad",
            "ours RuntimeError.*(was written in place|already used and freed).*torch None",
            choices.cut_views,
        ),
    ),
    Departure(
        "torch does not look at indices that lie in no bag",
        *("error", ">>> .*embedding_bag.*include_last_offset=True", "ours .*are possible.*torch None"),
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
        "torch's attention saves nothing of nothing",
        *("error", "scaled_dot_product_attention", "ours .*matmul saved.*torch None", choices.with_nothing),
    ),
    Departure(
        "torch does not look at the index where nothing is filled",
        *("error", r">>> .*index_fill", "ours (Index|Runtime)Error.*torch None", choices.with_nothing),
    ),
    Departure(
        "torch does not look at the dtype of nothing",
        *("error", r">>> .*pdist\(", "ours NotImplementedError.*torch None", choices.with_nothing),
    ),
    Departure(
        "torch does not compare shapes where attention has nothing to see, or to say",
        *(
            "error",
            ">>> .*scaled_dot_product_attention",
            "ours RuntimeError.*torch None",
            choices.with_nothing,
        ),
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
        "torch gives views of what was written new nodes, so it goes back to none of them",
        *(
            "error",
            rf"{WRITTEN}.*(allow_unused|materialize_grads)",
            "ours RuntimeError.*was written in place.*torch None",
            choices.no_gradients,
        ),
    ),
    Departure(
        "torch's class for an index out of range depends on the kernel that it takes",
        *("error", "index_add", "ours RuntimeError.*index has.*torch IndexError.*index out of range in self"),
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
        "torch looks for attributes of what is no tensor",
        *("error", "", "ours TypeError.*torch AttributeError"),
    ),
    Departure(
        "torch does not look at the dimension of nothing",
        *("error", r">>> .*(cum(max|min)|roll)", "ours IndexError.*torch None", choices.with_nothing),
    ),
    Departure(
        "torch computes less in half precision",
        *("error", "", r"ours None torch NotImplementedError.*not implemented for .{1,2}(Complex)?Half"),
    ),
    Departure(
        "a second derivative that is 0 is recorded by one and not by the other",
        *("error", ">>> .*create_graph", "does not require grad", choices.zero),
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
        "torch leaves a result's memory larger than the result",
        *(
            "error",
            ">>> .*as_strided",
            "ours RuntimeError.*the memory under input has.*torch None",
            choices.roomy,
        ),
    ),
    Departure(
        "torch has no derivative of what is written, only of the same function out of place",
        *("error", "", f"torch NotImplementedError.*{NOT_DIFFERENTIATED}"),
    ),
    Departure(
        "torch writes memory with elements at one place in the order of its loops",
        *(
            "error",
            "unfold|as_strided|>>> .*(index_fill|tril|triu)_",
            "ours RuntimeError.*share one place in memory.*torch (None|IndexError)",
        ),
    ),
)
