"""An LSTM that learns to write like a text, character by character.

python examples/lstm.py --steps 200 --plot lstm.png
"""

import argparse
from pathlib import Path

import tapegrad as torch
from tapegrad import nn

TEXT = Path(__file__).with_name("text.txt")


class Writer(nn.Module):
    """Characters as vectors, two layers of LSTM, and a guess of the next character."""

    def __init__(self, characters, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(characters, 32)
        self.lstm = nn.LSTM(32, hidden, num_layers=2, batch_first=True, dropout=0.1)
        self.out = nn.Linear(hidden, characters)

    def forward(self, tokens, state=None):
        y, state = self.lstm(self.embed(tokens), state)
        return self.out(y), state

    @torch.no_grad()
    def write(self, token, count, temperature=0.8):
        """So many tokens after the first."""
        self.eval()
        tokens, state = [token], None
        for _ in range(count):
            logits, state = self(torch.tensor([[tokens[-1]]]), state)
            chances = torch.softmax(logits[0, -1] / temperature, dim=0)
            tokens.append(torch.multinomial(chances, 1).item())
        self.train()
        return tokens


def train(steps, length=32, size=16):
    """(the loss of each step, the model, the characters). The state goes from piece to piece of the text."""
    torch.manual_seed(0)
    text = TEXT.read_text(encoding="utf-8")
    characters = sorted(set(text))
    data = torch.tensor([characters.index(c) for c in text])
    rows = data[: len(data) // size * size].view(size, -1)
    model, loss_of = Writer(len(characters)), nn.CrossEntropyLoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    losses, state, at = [], None, 0
    for step in range(steps):
        if at + length + 1 > rows.shape[1]:
            state, at = None, 0
        x, y = rows[:, at : at + length], rows[:, at + 1 : at + length + 1]
        at += length
        logits, state = model(x, state)
        state = tuple(s.detach() for s in state)
        loss = loss_of(logits.transpose(1, 2), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
        if step % 50 == 49:
            print(f"step {step + 1}: loss {losses[-1]:.4f}")
    return losses, model, characters


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--plot", metavar="FILE", help="draw the loss")
    given = parser.parse_args()
    losses, model, characters = train(given.steps)
    print("".join(characters[i] for i in model.write(characters.index("\n"), 200)))
    if given.plot:
        from matplotlib import pyplot

        pyplot.plot(losses)
        pyplot.xlabel("step")
        pyplot.ylabel("cross entropy")
        pyplot.savefig(given.plot)


if __name__ == "__main__":
    main()
