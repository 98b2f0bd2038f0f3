"""Where torch's own forward or backward fails, or refuses what could go on."""

from __future__ import annotations

from tests.ops.fuzz import choices
from tests.ops.fuzz.known.common import RELAYOUT, SEVERAL, STALE, TWICE, WRITE, Departure

FAILS = (
    Departure(
        "torch's backward fails where no index is given", "error", "scatter_reduce", "ours None.*must match"
    ),
    Departure("torch's library of Fourier transforms fails on nothing", "error", "fft", "ours None.*MKL FFT"),
    Departure(
        "NumPy does not compare shapes of nothing",
        "error",
        WRITE,
        "ours None torch .*shape mismatch.* 0[],]",
    ),
    Departure(
        "torch negates bool in the derivative",
        *("error", "a(rc)?tan2", "ours None torch .*Negation, the `-` operator, on a bool"),
    ),
    Departure(
        "torch's backward fails on mixed dtypes",
        *("error", "addr", "ours None torch .*addmv input tensors must have the same dtype"),
    ),
    Departure(
        "where in memory a view of nothing lies is no promise",
        *("error", r">>> .*as_strided", "ours None torch .*setStorage", choices.with_nothing),
    ),
    Departure(
        "torch has one node for both results, and saves for one what the other does not read",
        *("error", "(std|var)_mean|aminmax", STALE),
    ),
    Departure(
        "torch's backward of nothing fails",
        *("error", "channel_shuffle", "ours None torch .*Number of groups to divide channels in"),
    ),
    Departure("torch saves what it reads for other inputs only", "error", "addcdiv|soft_margin_loss", STALE),
    Departure(
        "torch's fill_diagonal_ takes the rows of a view for its memory",
        *("error", r">>> .*fill_diagonal_.*wrap=True", "ours None torch .*setStorage"),
    ),
    Departure(
        "torch saves places at which nothing is sampled",
        *("error", "grid_sample", f"{STALE}.*0, ", choices.with_nothing),
    ),
    Departure(
        "torch saves the inputs of bilinear, of which here products are saved", "error", "bilinear", STALE
    ),
    Departure(
        "torch saves the input of cummax and cummin, which no rule reads", "error", "cum(max|min)", STALE
    ),
    Departure(
        "torch's derivative of as_strided_scatter makes a view beyond its memory",
        *("error", "as_strided_scatter", "ours None torch .*setStorage"),
    ),
    Departure(
        "torch saves the result of ctc_loss, which no rule here reads",
        *("error", "ctc_loss", f"{STALE}.*output 0 of CtcLoss"),
    ),
    Departure(
        "torch adds to a gradient before it goes on to what has saved that gradient",
        *("error", r"(v\d+) = \S+\.grad\n.*\b\1\b", STALE),
    ),
    Departure(
        "torch refuses a negative slope, or alpha, where the result was written",
        *("error", "", "ours None torch .*In-place (elu|leakyReLu) backward calculation is triggered"),
    ),
    Departure(
        "torch saves more than it reads",
        *("error", "addcdiv|copysign|rounding_mode|batch_norm", TWICE),
    ),
    Departure("torch saves the source of index_add, which no rule reads", "error", "index_add", STALE),
    Departure(
        "torch saves the input of segment_reduce also where no rule reads it",
        *("error", "segment_reduce[^\\n]*'(mean|sum)'", STALE),
    ),
    Departure("torch saves the source of put, of which rules read the shape", "error", r"\bput_?\(", STALE),
    Departure("torch saves the input of nll_loss, of which rules read the shape", "error", "nll_loss", STALE),
    Departure(
        "torch saves the input of pools and borders, which no rule reads",
        *("error", r"avg_pool|adaptive_max_pool|max_unpool|pad\(|interpolate", STALE),
    ),
    Departure(
        "torch makes a slice of no sizes", "error", ">>> .*nll_loss", "torch RuntimeError.*invalid slice"
    ),
    Departure(
        "torch's zeros without memory cannot be written", "error", "", "torch .*ZeroTensors are immutable"
    ),
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
        *("error", "ldexp", f"{STALE}.*output 0 of Ldexp"),
    ),
    Departure(
        "torch saves the input of gather, which no rule reads", "error", "gather|take_along_dim", STALE
    ),
    Departure(
        "torch saves the input of masked_select, of which only the shape is read",
        "error",
        "masked_select",
        STALE,
    ),
    Departure(
        "torch saves both operands of dist, of which only the difference is read", "error", "dist", STALE
    ),
    Departure("torch saves the result of cdist", "error", "cdist", f"{STALE}.*output 0 of (Cdist|Euclid)"),
    Departure(
        "torch saves the result of copysign also where only the sign needs a gradient",
        *("error", "copysign", f"{STALE}.*output 0 of Copysign"),
    ),
    Departure("torch reads more in mse_loss's derivative", "error", "mse_loss.*create_graph", STALE),
    Departure(
        "torch saves the source of index_copy, of which only the dimensions are read",
        *("error", "index_copy", f"{STALE}.*output 0 of AsStrided|{STALE}.*View"),
    ),
    Departure(
        "torch's index_fill takes indices from the end, and its backward does not",
        *("error", "index_fill", "ours None torch .*index out of range in self"),
    ),
    Departure(
        "torch's batch norm takes weights of two dimensions, which its backward refuses",
        *(
            "error",
            "batch_norm",
            r"ours None torch .*(TensorAccessor expected 1 dims|NativeBatchNorm\w+ returned an invalid)",
        ),
    ),
    Departure("torch saves the divisor of a rounded quotient", "error", "rounding_mode", STALE),
    Departure(
        "torch's backward fails where the bounds of clamp are larger than its input",
        *("error", "clamp", "torch .*doesn't match the broadcast shape"),
    ),
    Departure(
        "of an operand of another dtype the conversion is saved",
        *("error", "", f"{STALE}.*(Half|Float|Double)Tensor", choices.mixed),
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
        "torch cannot write what retains its gradient where a node has several outputs, or it another shape",
        *("error", "retain_grad|inputs=", r"ours None.*INTERNAL ASSERT FAILED.*variable\.cpp"),
    ),
    Departure(
        "torch's cov writes the view that it makes of a 0-d input",
        *("error", r">>> .*\bcov\(", "ours None torch .*a view of a leaf Variable"),
    ),
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
        "strides of gradients are no promise",
        *("error", ">>> .*view of bytes", r"ours None torch .*stride\(-1\) must be 1"),
    ),
    Departure(
        "torch's backward fails where there is a bias and no weight",
        *("error", "group_norm", "ours None torch .*(tensor does not have a device|shape '.0.' is invalid)"),
    ),
    Departure(
        "torch's backward fails on mixed dtypes",
        *("error", "huber_loss", "ours None torch .*Found dtype"),
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
        "torch spreads one value at a mask, and its backward fails",
        *("error", "index_put|\\] = ", "torch .*returned an invalid gradient"),
    ),
    Departure("torch saves the result of pow, which no rule reads", "error", "", f"{STALE}.*output 0 of Pow"),
    Departure(
        "torch refuses saved tensors that were detached in place",
        *("error", "detach_", "torch .*has been detached in-place"),
    ),
    Departure(
        "torch calls hooks of unused outputs with None", "error", "register_hook", "torch .*'NoneType'"
    ),
    Departure(
        "torch has one node for several outputs, and goes through all",
        *(
            "error",
            f"({SEVERAL}).*>>> ",
            "ours None torch .*(Trying to backward through|modified by an|derivative for)",
        ),
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
        "torch's vander writes what its own derivative reads", "error", "vander", f"{STALE}.*AsStrided"
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
            f"{STALE}.*output 0 of (Elu1|Celu1|LeakyRelu1|AsStrided)",
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
            rf"no_grad\(\).*\n    [^\n]*\b{RELAYOUT}\b",
            "ours None torch .*(invalid gradient at index 0|doesn't match the broadcast shape)",
        ),
    ),
    Departure(
        "torch saves the input of margin losses, where here it is saved which margins count",
        *("error", "multi(label)?_margin_loss", STALE),
    ),
    Departure(
        "torch saves the input of rrelu, which no rule here reads",
        "error",
        "rrelu",
        rf"{STALE}.*output 0 of",
    ),
    Departure(
        "torch asks for views that its layout does not have",
        *("error", ">>> .*(kron|take_along_dim|isin)", "ours None torch .*view size is not compatible"),
    ),
    Departure(
        "strides of zeros are no promise",
        *("error", "materialize_grads.*view", "torch .*view size is not compatible"),
    ),
    Departure(
        "torch runs the op of a computed input, too, and drops what it gives",
        *(
            "error",
            r"backward\([^\n]*inputs=",
            "ours None torch .*(Trying to backward through|modified by an inplace|derivative for)",
        ),
    ),
)
