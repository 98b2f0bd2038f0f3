"""The kernels of the native tier: importing a module registers its stand-ins (see `native.choice`)."""

from importlib import import_module

from tapegrad.native import choice

MODULES: tuple[str, ...] = (
    "attention",
    "channelnorm",
    "convolution",
    "convolution_weight",
    "copying",
    "extremes",
    "filling",
    "gated",
    "gathering",
    "lists",
    "logsumexp",
    "optim",
    "picking",
    "pooling",
    "products",
    "random",
    "recurrent",
    "reduce",
    "resampling",
    "rownorm",
    "scan",
    "series",
    "softmax",
    "squares",
    "writers",
)


def install() -> None:
    """Let every stand-in take its place."""
    for name in MODULES:
        import_module(f"tapegrad.native.kernels.{name}")
    choice.install()
