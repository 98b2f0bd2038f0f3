"""The computation graph of a = relu(w*x + b), and gradients by torch.autograd.grad (rows 1 to 8)."""

import torch
import torch.nn.functional as F
from torch.autograd import grad

# A tensor has no gradient unless we ask for it.

x = torch.tensor([3.0])
w = torch.tensor([2.0], requires_grad=True)
b = torch.tensor([1.0], requires_grad=True)
print(x, w, b)
print(x.requires_grad, w.requires_grad)

# The forward pass builds the graph.

u = w * x
v = u + b
a = F.relu(v)
print(u, v, a, sep="\n")
print(a.item(), "%.1f" % u.detach())

# Gradients of the leaves. The graph is kept for as long as we ask for it.

print(grad(a, w, retain_graph=True))
print(grad(a, b))

try:
    grad(a, b)
except RuntimeError:
    print("The graph is gone.")

# Gradients of what lies between: one grad call for all of them, x included if it requires a gradient.

x = torch.tensor([3.0], requires_grad=True)
u = x * w
v = u + b
a = F.relu(v)
d_a_x, d_a_w, d_a_b, d_a_u, d_a_v = grad(a, (x, w, b, u, v), retain_graph=True)
print(d_a_x, d_a_w, d_a_b, d_a_u, d_a_v)
print(grad(v, b, retain_graph=True), grad(u, w, retain_graph=True))

# The chain rule by hand gives the same.

(d_v_u,) = grad(v, u, retain_graph=True)
(d_u_w,) = grad(u, w, retain_graph=True)
print(d_a_v * d_v_u * d_u_w)

# backward() keeps the gradients of leaves; of other tensors only if they are told so.

u.retain_grad()
v.retain_grad()
v.register_hook(lambda g: print("on its way through v:", g))
a.backward()
print(w.grad, b.grad, x.grad, u.grad, v.grad)
print(u.is_leaf, w.is_leaf, w.grad_fn, type(a.grad_fn).__name__)

# A ReLU of our own: Python's `if` decides how the graph goes on.


def relu(z):
    if z > 0.0:
        return z
    else:
        z[:] = 0.0
        return z


x = torch.tensor([3.0])
w = torch.tensor([2.0], requires_grad=True)
b = torch.tensor([1.0], requires_grad=True)
a = relu(x * w + b)
print(a)
print(grad(a, w))

a = relu(x * -w + b)
print(a)
print(grad(a, w))

# At 0, the derivative of ReLU is taken to be 0.

x = torch.tensor([-1.0])
w = torch.tensor([1.0], requires_grad=True)
b = torch.tensor([1.0], requires_grad=True)
a = F.relu(x * w + b)
print(a)
print(grad(a, w))
