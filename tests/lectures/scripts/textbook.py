"""The textbook's chapter on torch.autograd (rows 27 to 34)."""

import torch
import torch.nn.functional as F
from torch.autograd import grad

# One weight, one step of gradient descent.

x = torch.tensor([1.0, 2.0, 3.0, 4.0])
y = torch.tensor([2.0, 4.0, 6.0, 8.0])
w = torch.tensor(0.0, requires_grad=True)


def mean_squared_error():
    return torch.mean((x * w - y) ** 2)


loss = mean_squared_error()
print("Initial loss", loss.item())
loss.backward()
print("Gradient", w.grad)
with torch.no_grad():
    w -= 0.01 * w.grad
w.grad.zero_()
print("Updated weight", w, "gradient", w.grad)
print("Updated loss", mean_squared_error().item())

# The gradient of 2 * x.x with respect to the column vector x is 4x.

x = torch.arange(4.0)
x.requires_grad_(True)
print(x.grad)
y = 2 * torch.dot(x, x)
print(y)
y.backward()
print(x.grad, x.grad == 4 * x)

# Gradients accumulate, so they are cleared before the next function.

y = x.sum()
y.backward()
print(x.grad)
x.grad.zero_()
y = x.sum()
y.backward()
print(x.grad)

# What is not a scalar needs a gradient to start with, or a sum.

x.grad.zero_()
y = x * x
try:
    y.backward()
except RuntimeError:
    print("y is not a scalar.")
y.backward(gradient=torch.ones(len(y)))
print(x.grad)
x.grad.zero_()
y = x * x
y.sum().backward()
print(x.grad)

# A detached tensor is a constant: z = u * x with u = x * x has the gradient u, not 3 * x * x.

x.grad.zero_()
y = x * x
u = y.detach()
z = u * x
z.sum().backward()
print(x.grad == u)
x.grad.zero_()
y.sum().backward()
print(x.grad == 2 * x)

# Control flow that depends on values. f is linear in a, piece by piece, so its gradient is f(a) / a.


def f(a):
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


torch.manual_seed(0)
for a in (torch.randn(size=(), requires_grad=True), torch.tensor([-0.5, 0.25], requires_grad=True)):
    d = f(a)
    d.sum().backward()
    print(a, d, a.grad, a.grad == d.detach() / a.detach())

# The Jacobian of (x0 * x1, x0 ** 2, 3 * x1), row by row, and a vector-Jacobian product in one go.

x = torch.tensor([2.0, 3.0], requires_grad=True)
y = torch.stack((x[0] * x[1], x[0] ** 2, 3 * x[1]))
rows = [grad(y[i], x, retain_graph=True)[0] for i in range(len(y))]
jacobian = torch.stack(rows)
print(jacobian)
v = torch.tensor([1.0, 10.0, 100.0])
print(grad(y, x, grad_outputs=v)[0], v @ jacobian)

# Functions and modules are two ways to write the same.

x = torch.tensor([-1.0, 0.0, 2.0])
target = torch.ones(3)
print(F.relu(x), torch.nn.ReLU()(x), torch.relu(x), x.relu())
print(F.mse_loss(x, target), torch.nn.MSELoss()(x, target))
print(torch.nn.ReLU(), torch.nn.MSELoss())
