"""Train, attack, score: what people write when they have no harness. ``harness_overhead.py`` times it.

Arguments: epochs, steps of PGD, budgets.
"""

import sys

import foolbox
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

epochs, steps, epsilons = int(sys.argv[1]), int(sys.argv[2]), [float(epsilon) for epsilon in sys.argv[3:]]
torch.manual_seed(0)
digits = load_digits()
images = torch.from_numpy(digits.images).float()[:, None] / 16
labels = torch.from_numpy(digits.target)
train, test = train_test_split(torch.arange(len(labels)), test_size=500, stratify=labels, random_state=0)

model = nn.Sequential(
    *(nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(128, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Flatten(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)),
)
optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(epochs):
    for batch in train[torch.randperm(len(train))].split(64):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

model.eval().requires_grad_(False)
fooled = foolbox.PyTorchModel(model, bounds=(0, 1))
attack = foolbox.attacks.LinfPGD(rel_stepsize=2.5 / steps, steps=steps)
_, adversarials, _ = attack(fooled, images[test], labels[test], epsilons=epsilons)
print("clean", (model(images[test]).argmax(1) == labels[test]).float().mean().item())
for epsilon, attacked in zip(epsilons, adversarials, strict=True):
    print(epsilon, (model(attacked).argmax(1) == labels[test]).float().mean().item())
