"""Flags of torch's back ends, as torch.backends has them. Scripts set them; nothing here depends on them: all
runs on NumPy, and the same program gives the same numbers."""

from tapegrad.backends import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]
