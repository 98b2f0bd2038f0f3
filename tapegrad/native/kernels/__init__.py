"""The kernels of the native tier: importing a module registers its stand-ins (see `native.choice`)."""

MODULES: tuple[str, ...] = (
    "channelnorm",
    "convolution",
    "convolution_weight",
    "optim",
    "pooling",
    "recurrent",
    "rownorm",
    "softmax",
)
