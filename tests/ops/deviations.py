"""Where tapegrad differs from torch 2.13 on purpose: what, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch


@dataclass(frozen=True)
class Deviation:
    """One deviation.

    row: the rows of samples that it is about, as a pattern. what: "name" (of grad_fn), "gradient", "graph"
    (whether there is one), "value" or "error". call: a regular expression found in the form and the call.
    """

    row: str
    what: str
    call: str
    reason: str


# Composed of other ops here, the last of which is not torch's; or one op, where torch composes.
_COMPOSED = (
    *("affine_grid", "grid_sample"),
    *("chain_matmul", "cholesky*", "einsum", "inner", "kron"),
    *("linalg.cond", "linalg.lstsq*", "linalg.lu", "linalg.lu_solve", "linalg.matrix_norm.dim"),
    *("linalg.multi_dot", "linalg.solve*", "linalg.tensorinv", "linalg.vecdot", "logdet", "lu_unpack"),
    *("ormqr", "segment_reduce", "tensordot", "triangular_solve"),
)
_WRITING = r"^((Tensor|torch)\.\w+_|operator\.i\w+)\("

DEVIATIONS = (
    Deviation("geqrf", "error", "complex", "torch refuses in the forward what has no complex derivative"),
    Deviation("fill", "gradient", r"complex64.*, float32", "torch's backward fails on a real value"),
    Deviation("fft.*", "name", "", "torch has one op for several dimensions, and one for real numbers"),
    Deviation("fft.*fft*", "error", r"\[0, 4\]", "torch's library fails on nothing"),
    *[Deviation(name, "name", "", "torch composes it otherwise") for name in _COMPOSED],
    Deviation("nan_to_num", "error", "complex", "torch does not differentiate it"),
    Deviation("l*exp", "gradient", r"complex64.*, float32", "torch's backward fails on a real operand"),
    Deviation("[ldpm]*gamma*", "second", "float64", "torch's trigamma is good to nine digits only"),
    Deviation(
        "[dp]*gamma*",
        "gradient",
        r"float64|\[nan",
        "torch's trigamma is good to nine digits, and has no poles",
    ),
    Deviation("polygamma*", "value", r"1, float64|, 1\)", "torch's trigamma is good to nine digits only"),
    Deviation("bessel_[jy]0", "value", "float64", "torch's is good to ten digits, near its zeros to less"),
    Deviation("ldexp", "value", r"float32\[\d+\], float16\[\]", "torch raises this 0-d exponent in float16"),
    Deviation("i[01]*", "gradient", "float16", "torch lacks this backward for float16"),
    Deviation("igamma*", "*", r"int\d*\[.*float64|bool", "torch takes lgamma of integers in float32"),
    Deviation("logaddexp*", "gradient", r"bool\[", "torch's backward fails on bool"),
    Deviation("addcdiv", "gradient", r"int64", "torch's backward fails on an integer tensor"),
    Deviation("atan2", "*", r"(uint8|bool)\[", "torch negates the uint8, which wraps, and bool, which fails"),
    Deviation("vander", "name", "", "torch writes the powers in place, into an empty matrix"),
    Deviation("vander", "gradient", "", "torch writes in place what its own backward needs"),
    Deviation("s[el]*_*", "error", "complex", "torch has no complex gradients of some *_scatter and *_copy"),
    Deviation("[si]*_reduce*", "error", "complex", "torch has no complex gradients of reductions at places"),
    Deviation("index_reduce", "gradient", "complex.*prod", "torch computes these, not conjugated, in place"),
    Deviation("diagonal_scatter", "gradient", "complex", "torch's backward of a real src in complex fails"),
    Deviation("tri[lu]", "error", r"_\(\w+\[4, 5\] expanded", "torch writes repeated elements"),
    Deviation("pixel_shuffle", "gradient", r"\[0, 4, 2, 3\]", "torch's backward of nothing fails"),
    Deviation("remainder", "name", "", "one op; torch has one each for tensors, numbers and number % tensor"),
    Deviation("remainder", "gradient", r"\([-\dTF]", "torch has no derivative of number % tensor"),
    Deviation("pow", "gradient", r"bool\[|\((True|False)", "torch's backward fails on bool"),
    Deviation(
        "linear", "name", r"float64\[4, 2, 4\]", "torch adds the bias in place; here the last op is a cast"
    ),
    Deviation("linalg.solve_triangular", "gradient", r"complex64.*float32", "torch's backward fails"),
    Deviation("addr", "gradient", r"complex64.*float32", "torch's backward fails on mixed dtypes"),
    Deviation("matmul", "name", r"\[4, 5\], float32\[3, 5, 2\]", "torch copies the result; no need to here"),
    Deviation("nll_loss", "name", "none", "torch reshapes to four dimensions and back"),
    Deviation(
        "[nc]*_*",
        "gradient",
        r"float32\[3\], int64\[1\]",
        "torch takes [1] for one class, and its backward fails",
    ),
    Deviation("cross_entropy", "name", "none", "torch reshapes to four dimensions and back"),
    Deviation("cross_entropy", "name", "float32.*float32", "torch divides by a number that it counts inside"),
    Deviation("*", "name", _WRITING + r"float(16|32).*float(32|64)", "the last op is the cast to the target"),
    Deviation(
        "[lgen][qte]", "*", _WRITING, "only the target takes part in a graph, without a name of its own"
    ),
    Deviation(
        "*_fill",
        "error",
        r"_\(\w+\[4, 3\] expanded",
        "torch writes repeated elements, and says it will refuse",
    ),
    Deviation(
        "as_strided_scatter", "gradient", "", "torch's is that of what was read, where it was overwritten"
    ),
    Deviation("as_strided_scatter", "second", "", "as its gradient"),
    Deviation("narrow_copy", "[gs]*", r", -1, 1\)", "torch loses the gradient of a negative start"),
    Deviation(
        "scatter*",
        "gradient",
        r"int64\[(0\]|1, 2\] of \[\[0, 1\]\]), (float|complex)",
        "torch's backward fails unless src has the shape of index",
    ),
    Deviation("unfold", "name", r"\[\]", "of a 0-d tensor: the entry of what would be a window of a 1-d one"),
    Deviation("random_", "name", r"\], \d", "one op; torch has three"),
    Deviation("bernoulli_", "name", r"\], float", "one op; torch has two"),
    Deviation(
        "*sort",
        "*",
        r"\w+\[(40|5, 40|21)\](?!.*stable=True)",
        "torch leaves the order of equal elements open; here they keep theirs",
    ),
    Deviation("hardsigmoid", "gradient", "", "torch has no second derivative; 1/6 is rounded to float32"),
    Deviation("mish", "*", r"float32\[21\]", "torch's exp rounds a number below the normal ones otherwise"),
    Deviation("gelu", "*", r"float32\[21\]", "torch's library loses the sign of zero"),
    Deviation("logit", "gradient", r"\[21\].*, 0\.1\)", "torch's vectors take nan for what is limited"),
    Deviation("softshrink", "*", r"\[(4, 5|2, 3, 4|21)\]", "the sign of zero depends on torch's vectors"),
    Deviation("embedding", "gradient", r"int64\[0\]", "torch's backward of nothing fails"),
    Deviation("embedding_bag", "name", "", "composed of a look-up and sums"),
    *[
        Deviation(name, "gradient", "", "torch has no second derivative; tests/nn compare the first")
        for name in ("multi_margin_loss", "multilabel_margin_loss", "ctc_loss")
    ],
    Deviation("ctc_loss", "name", "True", "torch replaces infinite losses by another op"),
    Deviation("multi*_margin_loss", "name", "", "composed of other ops"),
    Deviation("linear_cross_entropy", "name", "float32.*float32.*float32", "as cross_entropy"),
    Deviation("scaled_dot_product_attention", "name", "", "composed of the weights and a product"),
    Deviation("embedding_bag", "gradient", "", "torch has no second derivative; tests/nn compare the first"),
    Deviation("[lg]*_norm", "gradient", r"None, float", "torch's second derivative needs a weight"),
    *[
        Deviation(name, "name", "", "an op for each element, then a mean or sum")
        for name in ("smooth_l1_loss", "huber_loss", "binary_cross_entropy*", "soft_margin_loss")
    ],
    Deviation("huber_loss", "*", r"float16.*float32", "torch takes the input's dtype; its backward fails"),
    Deviation(
        "*_with_logits", "value", r"float16.*float32", "torch rounds steps before it promotes; here the sum"
    ),
    Deviation("leaky_relu", "gradient", "_.*slope=-", "torch reads the result, and cannot tell the sides"),
    Deviation("mode", "*", "nan", "torch sorts with a comparison that nan makes inconsistent"),
    Deviation(
        "mode", "value", r"\[5, 40\]", "which of the equal places torch returns depends on their number"
    ),
    Deviation(
        "[cp]dist", "gradient", "", "torch has no second derivative; test_distances compares the first"
    ),
    Deviation("logical_*", "*", _WRITING, "torch leaves the target's graph as if nothing had been written"),
    Deviation("*", "error", _WRITING + r"\w+\[\], \w+\[3\]", "dtypes are looked at before shapes"),
    Deviation("a*h", "name", _WRITING, "torch has no derivative of acosh_, asinh_, atanh_"),
    Deviation("a*h", "gradient", _WRITING, "torch has no derivative of acosh_, asinh_, atanh_"),
    *[
        Deviation(name, "error", _WRITING + ".*complex64", "dtypes are looked at before shapes")
        for name in (
            "atan2",
            "clamp*",
            "copysign",
            "floor_divide",
            "fmod",
            "hypot",
            "igamma*",
            "nextafter",
            "remainder",
            "xlogy",
        )
    ],
    Deviation("*", "error", _WRITING + r"complex64\[4, 5\] expanded", "memory is looked at before dtypes"),
    Deviation("dist", "gradient", r"complex64.*, float32", "torch's backward fails on a real operand"),
    Deviation("renorm", "gradient", "complex64.*, inf", "torch's is nan; here it is what differences give"),
    Deviation("renorm", "second", "complex64.*, inf", "torch's is nan; here it is what differences give"),
    Deviation("rrelu* in training", "error", r"\bfloat16", "torch lacks it in float16"),
    Deviation("rrelu* in training", "value", "bfloat16", "torch rounds the slope after the product"),
    Deviation("local_response_norm", "error", "float16", "torch averages no narrow images"),
    Deviation("embedding_bag", "value", "float16", "torch rounds after every addition; here once"),
    Deviation("where", "gradient", r"complex64.*, float32", "torch's backward fails on a real operand"),
    Deviation(
        "segment_reduce", "gradient", "", "torch has no second derivative; test_segments compares the first"
    ),
    *[
        Deviation("grid_sample", what, r"float16\[", "torch rounds the places; here they are in float32")
        for what in ("value", "gradient")
    ],
    Deviation("avg_pool3d", "error", "float16", "torch lacks it in float16"),
    Deviation("lp_pool3d", "error", "float16", "torch lacks avg_pool3d in float16"),
    Deviation("affine_grid", "error", r"float16\[\d, 3", "torch lacks it in float16"),
    Deviation("interpolate", "gradient", r"'bicubic', size=1", "the sign of zero"),
    Deviation("grid_sample", "gradient", r"reflection|'border', False", "the sign of zero"),
    Deviation("lobpcg", "error", r"complex64\[", "torch fails on the way, as it does not conjugate"),
    Deviation(
        "lobpcg", "second", "float32", "torch divides polynomials of A, which costs half of the digits"
    ),
    Deviation("addbmm", "error", r"_\(\w+\[5?\]", "torch resizes the target, as no other op does"),
    Deviation("linalg.matrix_exp", "*", "float16", "torch's runs over and loses most digits"),
    *[
        Deviation(name, "error", "float16", "torch has a complex32")
        for name in ("view_as_complex", "complex", "written pairs", "a real tensor and a complex number")
    ],
)


def known(row: str, what: str, call: str) -> bool:
    """Whether a difference is one of the deviations."""
    return any(fnmatch(what, d.what) and fnmatch(row, d.row) and re.search(d.call, call) for d in DEVIATIONS)
