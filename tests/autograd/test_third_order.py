"""Third derivatives against differences: of what is fused, and of normalisations, where torch's are wrong."""

import pytest

import tapegrad as torch
import tapegrad.nn.functional as F

FUNCTIONS = {
    "layer_norm": lambda x: F.layer_norm(x, (4,)),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "instance_norm": F.instance_norm,
    "group_norm": lambda x: F.group_norm(x, 3),
    "rms_norm": lambda x: F.rms_norm(x, (4,)),
    "softmax": lambda x: x.softmax(-1),
    "attention": lambda x: F.scaled_dot_product_attention(x, x.tanh(), x.sin()),
    "gelu": F.gelu,
    "renorm": lambda x: x.renorm(2, 0, 0.5),
    "norm": lambda x: x.norm(dim=-1),
    "cdist": lambda x: torch.cdist(x, x.flip(1) + 3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_third_derivative(name):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)

    def slope(x):
        y = FUNCTIONS[name](x)
        weights = torch.linspace(0.5, 2, y.numel(), dtype=y.dtype).view(y.shape)
        return torch.autograd.grad((y * weights).sum(), x, create_graph=True)[0]

    assert torch.autograd.gradcheck(slope, x)
    assert torch.autograd.gradgradcheck(slope, x)
