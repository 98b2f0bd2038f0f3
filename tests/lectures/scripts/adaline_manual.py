"""ADALINE on two classes of Iris, with gradients by hand (row 16)."""

import pandas as pd
import torch

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


class Adaline:
    def __init__(self, num_features):
        self.weight = torch.zeros(num_features, 1, dtype=torch.float)
        self.bias = torch.zeros(1, dtype=torch.float)

    def forward(self, x):
        netinputs = torch.add(torch.mm(x, self.weight), self.bias)
        return netinputs.view(-1)

    def backward(self, x, yhat, y):
        grad_loss_yhat = 2 * (yhat - y)
        grad_loss_weight = torch.mm(x.t(), grad_loss_yhat.view(-1, 1)) / y.size(0)
        grad_loss_bias = torch.sum(grad_loss_yhat) / y.size(0)
        return -1 * grad_loss_weight, -1 * grad_loss_bias


def mean_squared_error(yhat, y):
    return torch.mean((yhat - y) ** 2)


def train(model, x, y, num_epochs, learning_rate=0.01, seed=123, minibatch_size=10):
    cost = []
    torch.manual_seed(seed)
    for epoch in range(num_epochs):
        shuffle_idx = torch.randperm(y.size(0), dtype=torch.long)
        for idx in torch.split(shuffle_idx, minibatch_size):
            yhat = model.forward(x[idx])
            negative_grad_w, negative_grad_b = model.backward(x[idx], yhat, y[idx])
            model.weight += learning_rate * negative_grad_w
            model.bias += learning_rate * negative_grad_b

        curr_loss = mean_squared_error(model.forward(x), y)
        print("Epoch: %03d" % (epoch + 1), end="")
        print(" | MSE: %.5f" % curr_loss)
        cost.append(curr_loss)
    return cost


model = Adaline(num_features=X_train.size(1))
cost = train(model, X_train, y_train, num_epochs=20)
print("Weights", model.weight)
print("Bias", model.bias)

# Accuracy.


def accuracy(model, x, y):
    ones, zeros = torch.ones(y.size(0)), torch.zeros(y.size(0))
    pred = model.forward(x)
    return torch.mean((torch.where(pred > 0.5, ones, zeros).int() == y).float())


print("Training Accuracy: %.2f" % (accuracy(model, X_train, y_train) * 100))
print("Test Accuracy: %.2f" % (accuracy(model, X_test, y_test) * 100))
