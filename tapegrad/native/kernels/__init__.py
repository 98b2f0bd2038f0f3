"""The kernels of the native tier: importing a module registers its stand-ins (see `native.choice`)."""

MODULES: tuple[str, ...] = ("optim", "gathering", "random")
