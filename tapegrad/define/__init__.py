"""How an operation is defined: once, by its mathematics. Everything else is derived here.

An op is one of these kinds:

    elementwise  one value per element; derived: broadcasting both ways, dtype promotion, the in-place form
    linear       linear in its one array; its jvp is itself. `view=True` where the result shares memory
    reduction    axes disappear; derived: the gradient and the result come back to the rule with those axes
                 as 1
    gufunc       a signature such as "(n,k),(k,m)->(n,m)"; derived: shape errors, batch axes, their sums
    indexing     a pair of ops that are each other's adjoint (gather and scatter), hence every derivative
    composite    a body over F; `fused` kernels may stand in for it when nobody differentiates twice
    opaque       any arrays and arguments; everything explicit
    results      several results of any arrays: a fused pair and a body, as a composite

Rules are written over a namespace F: with F = kernels they run on arrays, with F = ops they record
themselves. A rule d[i] gets F, the cotangent g, what partial i saves (`saves[i]`: input numbers, or OUT),
then the op's arguments, and returns the cotangent of input i. A saved value is kept only if some input that
needs a gradient reads it.
"""

from tapegrad.define.base import OPS, OUT, Function, bare, finish, newborn, plain, recording, store
from tapegrad.define.elementwise import elementwise, inplace, writes
from tapegrad.define.general import composite, gufunc, opaque, reduction, results
from tapegrad.define.linear import cast, indexing, linear, several, variadic
from tapegrad.public import offer

__all__ = [
    "OPS",
    "OUT",
    "Function",
    "bare",
    "cast",
    "composite",
    "elementwise",
    "finish",
    "gufunc",
    "indexing",
    "inplace",
    "linear",
    "newborn",
    "offer",
    "opaque",
    "plain",
    "recording",
    "reduction",
    "results",
    "several",
    "store",
    "variadic",
    "writes",
]
