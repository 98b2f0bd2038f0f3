"""Handwritten digits: a small convolutional network on scikit-learn's 1,797 images of 8 x 8 pixels.

python examples/digits.py --epochs 5 --plot digits.png
"""

import argparse

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    """Two convolutions, two pools, two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.bn = nn.BatchNorm2d(32)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(32 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.bn(self.conv2(x))), 2)
        x = self.drop(torch.flatten(x, 1))
        return self.fc2(F.relu(self.fc1(x)))


def load():
    """The images as [N, 1, 8, 8] between 0 and 1, and their classes."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    return TensorDataset(images, torch.tensor(digits.target))


def accuracy(model, loader):
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    model.train()
    return hits / len(loader.dataset)


def train(epochs, steps=None):
    """(the loss of each step, the accuracy on test images after each epoch)."""
    torch.manual_seed(0)
    train_set, test_set = random_split(load(), [1400, 397])
    batches = DataLoader(train_set, batch_size=32, shuffle=True)
    tests = DataLoader(test_set, batch_size=128)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    losses, scores = [], []
    for _ in range(epochs):
        for x, y in batches:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if steps is not None and len(losses) == steps:
                return losses, scores
        scheduler.step()
        scores.append(accuracy(model, tests))
        print(f"epoch {len(scores)}: loss {losses[-1]:.4f}, accuracy {scores[-1]:.4f}")
    return losses, scores


def plot(losses, path):
    from matplotlib import pyplot

    pyplot.semilogy(losses)
    pyplot.xlabel("step")
    pyplot.ylabel("cross entropy")
    pyplot.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--plot", metavar="FILE", help="draw the loss")
    given = parser.parse_args()
    losses, _ = train(given.epochs)
    if given.plot:
        plot(losses, given.plot)


if __name__ == "__main__":
    main()
