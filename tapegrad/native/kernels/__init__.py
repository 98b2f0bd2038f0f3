"""The kernels of the native tier: importing a module registers its stand-ins (see `native.choice`)."""

MODULES: tuple[str, ...] = (
    "attention",
    "channelnorm",
    "convolution",
    "convolution_weight",
    "extremes",
    "logsumexp",
    "optim",
    "picking",
    "pooling",
    "recurrent",
    "reduce",
    "rownorm",
    "scan",
    "softmax",
)
