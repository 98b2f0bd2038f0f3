"""Versions, as torch.version shows them: there are no GPU libraries."""

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "xpu"]

__version__ = "0.1.0"
cuda = hip = xpu = None
debug = False
git_version = "Unknown"
