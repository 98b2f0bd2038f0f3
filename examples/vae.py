"""A variational autoencoder of scikit-learn's digits.

python examples/vae.py --epochs 20 --plot digits.png
"""

import argparse

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import nn


class VAE(nn.Module):
    """64 pixels to a normal distribution of `hidden` numbers, and back."""

    def __init__(self, hidden=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(64, hidden), nn.Linear(64, hidden)
        self.decoder = nn.Sequential(nn.Linear(hidden, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decoder(z), mean, log_variance


def loss_of(logits, x, mean, log_variance):
    """The negative evidence lower bound of an image."""
    rebuilt = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return (rebuilt + divergence) / len(x)


def load():
    from sklearn.datasets import load_digits

    return torch.from_numpy(load_digits().data).float() / 16


def train(epochs, steps=None, size=64):
    """(the loss of each step, the model)."""
    torch.manual_seed(0)
    images, model = load(), VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for epoch in range(epochs):
        for batch in torch.randperm(len(images)).split(size):
            x = images[batch]
            logits, mean, log_variance = model(x)
            loss = loss_of(logits, x, mean, log_variance)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if steps is not None and len(losses) == steps:
                return losses, model
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: loss {losses[-1]:.3f}")
    return losses, model


def plot(model, path, side=8):
    """Draw digits that nobody wrote."""
    from matplotlib import pyplot

    with torch.no_grad():
        drawn = torch.sigmoid(model.decoder(torch.randn(side * side, 8)))
    picture = drawn.view(side, side, 8, 8).permute(0, 2, 1, 3).reshape(8 * side, 8 * side)
    pyplot.imsave(path, picture.numpy(), cmap="gray")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--plot", metavar="FILE", help="draw digits that nobody wrote")
    given = parser.parse_args()
    _, model = train(given.epochs)
    if given.plot:
        plot(model, given.plot)


if __name__ == "__main__":
    main()
