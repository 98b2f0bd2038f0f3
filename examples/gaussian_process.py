"""Gaussian-process regression: length scale, size and noise by the marginal likelihood, with torch.linalg.

python examples/gaussian_process.py --plot process.png
"""

import argparse
import math

import tapegrad as torch
from tapegrad import nn


class Process(nn.Module):
    """A zero-mean process with a squared-exponential kernel, observed with noise."""

    def __init__(self):
        super().__init__()
        self.log_length = nn.Parameter(torch.tensor(0.0))
        self.log_size = nn.Parameter(torch.tensor(0.0))
        self.log_noise = nn.Parameter(torch.tensor(-1.0))

    def kernel(self, a, b):
        """Covariances of the points a [N] and b [M]: [N, M]."""
        d = (a[:, None] - b[None, :]) / self.log_length.exp()
        return (2 * self.log_size).exp() * torch.exp(-0.5 * d**2)

    def factor(self, x):
        noise = (2 * self.log_noise).exp() * torch.eye(len(x))
        return torch.linalg.cholesky(self.kernel(x, x) + noise)

    def loss(self, x, y):
        """The negative logarithm of the marginal likelihood."""
        lower = self.factor(x)
        z = torch.linalg.solve_triangular(lower, y[:, None], upper=False)
        return 0.5 * (z**2).sum() + lower.diagonal().log().sum() + 0.5 * len(x) * math.log(2 * math.pi)

    @torch.no_grad()
    def predict(self, x, y, at):
        """(mean, standard deviation) at other points."""
        lower, across = self.factor(x), self.kernel(x, at)
        mean = across.T @ torch.cholesky_solve(y[:, None], lower)
        v = torch.linalg.solve_triangular(lower, across, upper=False)
        variance = self.kernel(at, at).diagonal() - (v**2).sum(0)
        return mean[:, 0], variance.clamp(min=0).sqrt()


def data(count=60):
    x = torch.sort(6 * torch.rand(count)).values
    return x, torch.sin(2 * x) + 0.3 * x + 0.1 * torch.randn(count)


def train(steps):
    """(the loss of each step, the process, x, y)."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    try:
        (x, y), process = data(), Process()
        optimizer = torch.optim.Adam(process.parameters(), lr=0.1)
        losses = []
        for _ in range(steps):
            loss = process.loss(x, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    finally:
        torch.set_default_dtype(torch.float32)
    return losses, process, x, y


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--plot", metavar="FILE", help="draw the data, the mean, and two deviations")
    given = parser.parse_args()
    losses, process, x, y = train(given.steps)
    print(f"negative log likelihood {losses[0]:.3f} -> {losses[-1]:.3f}")
    for name in ("length", "size", "noise"):
        print(f"{name:<6} {getattr(process, 'log_' + name).exp().item():.3f}")
    if given.plot:
        from matplotlib import pyplot

        at = torch.linspace(-1, 7, 200, dtype=torch.float64)
        mean, deviation = process.predict(x, y, at)
        pyplot.plot(x.tolist(), y.tolist(), ".")
        pyplot.plot(at.tolist(), mean.tolist())
        low, high = (mean - 2 * deviation).tolist(), (mean + 2 * deviation).tolist()
        pyplot.fill_between(at.tolist(), low, high, alpha=0.2)
        pyplot.savefig(given.plot)


if __name__ == "__main__":
    main()
