"""Deep Q-learning: balancing a pole on a cart.

python examples/dqn.py --steps 4000 --plot pole.png
"""

import argparse
import math
import random
from collections import deque

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import nn


class Pole:
    """A pole on a cart (Barto, Sutton and Anderson 1983): place, speed, angle, turning speed; two actions."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def reset(self):
        self.state = [self.random.uniform(-0.05, 0.05) for _ in range(4)]
        self.time = 0
        return self.state

    def step(self, action):
        """(the new state, the reward, whether that is the end)."""
        place, speed, angle, turn = self.state
        force = 10.0 if action else -10.0
        sin, cos = math.sin(angle), math.cos(angle)
        push = (force + 0.05 * turn**2 * sin) / 1.1
        bend = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
        pull = push - 0.05 * bend * cos / 1.1
        self.state = [place + 0.02 * speed, speed + 0.02 * pull, angle + 0.02 * turn, turn + 0.02 * bend]
        self.time += 1
        fallen = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 12 * math.pi / 180
        return self.state, 1.0, fallen or self.time >= 200


def network():
    return nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))


def learn(model, target, optimizer, memory, rng, size=64, discount=0.99):
    """One step on remembered moves; the loss."""
    states, actions, rewards, after, ends = zip(*rng.sample(memory, size), strict=True)
    chosen = model(torch.tensor(states)).gather(1, torch.tensor(actions)[:, None]).squeeze(1)
    with torch.no_grad():
        best = target(torch.tensor(after)).max(1).values
        wanted = torch.tensor(rewards) + discount * best * (1 - torch.tensor(ends))
    loss = F.smooth_l1_loss(chosen, wanted)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimizer.step()
    return loss.item()


def train(steps):
    """(the loss of each update, the model, how long each try lasted)."""
    torch.manual_seed(0)
    rng, pole = random.Random(0), Pole(0)
    model, target = network(), network()
    target.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, amsgrad=True)
    memory, losses, lasted, state = deque(maxlen=10_000), [], [], pole.reset()
    for step in range(steps):
        if rng.random() < max(0.05, 1 - step / 1500):
            action = rng.randrange(2)
        else:
            with torch.no_grad():
                action = model(torch.tensor(state)).argmax().item()
        after, reward, end = pole.step(action)
        memory.append((state, action, reward, after, float(end)))
        state = after
        if end:
            lasted.append(pole.time)
            state = pole.reset()
        if len(memory) >= 200:
            losses.append(learn(model, target, optimizer, memory, rng))
            with torch.no_grad():
                for old, new in zip(target.parameters(), model.parameters(), strict=True):
                    old.lerp_(new, 0.01)
        if step % 1000 == 999:
            print(f"step {step + 1}: the last ten tries lasted {sum(lasted[-10:]) / 10:.0f} moves")
    return losses, model, lasted


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--plot", metavar="FILE", help="draw how long each try lasted")
    given = parser.parse_args()
    _, _, lasted = train(given.steps)
    if given.plot:
        from matplotlib import pyplot

        pyplot.plot(lasted)
        pyplot.xlabel("try")
        pyplot.ylabel("moves")
        pyplot.savefig(given.plot)


if __name__ == "__main__":
    main()
