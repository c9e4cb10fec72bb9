"""Draw the tutorial's network with torchviz. Run as: python torchviz_network.py FOLDER."""

import sys
from importlib.metadata import version
from pathlib import Path

from torch_network import network_and_batch
from torchviz import make_dot

folder = Path(sys.argv[1])
print(f"torchviz {version('torchviz')}, PyTorch {version('torch')}")
model, x, y = network_and_batch()
drawn = make_dot(model(x, y), params=dict(model.named_parameters()), show_attrs=True, show_saved=True)
drawn.render(outfile=folder / "torchviz.svg", cleanup=True)
drawn.attr(dpi="96")
drawn.render(outfile=folder / "torchviz.png", cleanup=True)
