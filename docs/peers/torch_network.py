"""The tutorial's network as a PyTorch module, with its loss, for torchlens, torchview and torchviz to draw."""

import torch
from torch import nn


class TutorialNetwork(nn.Module):
    """20 filters of 9 x 9, sigmoid, mean pooling by 2, a dense layer of 10, the mean cross-entropy.

    PyTorch's convolution does not rotate its filters; the drawings are the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 9)
        self.sigmoid1 = nn.Sigmoid()
        self.pool1 = nn.AvgPool2d(2)
        self.flatten = nn.Flatten()
        self.out = nn.Linear(2000, 10)
        self.loss = nn.CrossEntropyLoss()

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss of the images x, of which y are the labels."""
        return self.loss(self.out(self.flatten(self.pool1(self.sigmoid1(self.conv1(x))))), y)


def network_and_batch() -> tuple[TutorialNetwork, torch.Tensor, torch.Tensor]:
    """The network, 4 images of noise, and their labels."""
    torch.manual_seed(0)
    return TutorialNetwork(), torch.rand(4, 1, 28, 28), torch.tensor([7, 2, 1, 0])
