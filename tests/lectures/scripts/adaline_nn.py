"""ADALINE on two classes of Iris, with nn.Module, backward() and an optimizer (rows 18, 20, 21)."""

import pandas as pd
import torch
import torch.nn.functional as F

# Data: versicolor and virginica, sepal width and petal length.

df = pd.read_csv("tapegrad/data/iris.csv", comment="#")
df.columns = ["x1", "x2", "x3", "x4", "y"]
df["y"] = df["y"].apply(lambda name: 0 if name == "versicolor" else 1)
df = df.iloc[50:150]

X = torch.tensor(df[["x2", "x3"]].values, dtype=torch.float)
y = torch.tensor(df["y"].values, dtype=torch.int)

# Shuffling, and a split into training and test set.

torch.manual_seed(123)
shuffle_idx = torch.randperm(y.size(0), dtype=torch.long)
X, y = X[shuffle_idx], y[shuffle_idx]
percent70 = int(shuffle_idx.size(0) * 0.7)
X_train, X_test = X[shuffle_idx[:percent70]], X[shuffle_idx[percent70:]]
y_train, y_test = y[shuffle_idx[:percent70]], y[shuffle_idx[percent70:]]

# Mean zero, unit variance.

mu, sigma = X_train.mean(dim=0), X_train.std(dim=0)
X_train = (X_train - mu) / sigma
X_test = (X_test - mu) / sigma


class Adaline(torch.nn.Module):
    def __init__(self, num_features):
        super().__init__()
        self.linear = torch.nn.Linear(num_features, 1)
        self.linear.weight.detach().zero_()
        self.linear.bias.detach().zero_()

    def forward(self, x):
        netinputs = self.linear(x)
        return netinputs.view(-1)


def train(model, x, y, num_epochs, learning_rate=0.01, seed=123, minibatch_size=10):
    cost = []
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    torch.manual_seed(seed)
    for epoch in range(num_epochs):
        shuffle_idx = torch.randperm(y.size(0), dtype=torch.long)
        for idx in torch.split(shuffle_idx, minibatch_size):
            yhat = model(x[idx])
            loss = F.mse_loss(yhat, y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        with torch.no_grad():
            curr_loss = F.mse_loss(model(x), y)
        print("Epoch: %03d" % (epoch + 1), end="")
        print(" | MSE: %.5f" % curr_loss)
        cost.append(curr_loss)
    return cost


model = Adaline(num_features=X_train.size(1))
print(model)
print([p.shape for p in model.parameters()])
cost = train(model, X_train, y_train, num_epochs=20)
print("Weights", model.linear.weight)
print("Bias", model.linear.bias)
print("Gradient of the last step", model.linear.weight.grad)

# Accuracy.


def accuracy(model, x, y):
    ones, zeros = torch.ones(y.size(0)), torch.zeros(y.size(0))
    pred = model(x)
    return torch.mean((torch.where(pred > 0.5, ones, zeros).int() == y).float())


print("Training Accuracy: %.2f" % (accuracy(model, X_train, y_train) * 100))
print("Test Accuracy: %.2f" % (accuracy(model, X_test, y_test) * 100))
