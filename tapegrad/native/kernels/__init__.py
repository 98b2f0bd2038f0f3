"""The kernels of the native tier: importing a module registers its stand-ins (see `native.choice`)."""

MODULES: tuple[str, ...] = (
    "attention",
    "channelnorm",
    "convolution",
    "convolution_weight",
    "copying",
    "extremes",
    "gathering",
    "lists",
    "logsumexp",
    "optim",
    "picking",
    "pooling",
    "random",
    "recurrent",
    "reduce",
    "rownorm",
    "scan",
    "series",
    "softmax",
)
