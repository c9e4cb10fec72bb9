"""Draw the tutorial's network with torchview. Run as: python torchview_network.py FOLDER."""

import sys
from importlib.metadata import version
from pathlib import Path

from torch_network import network_and_batch
from torchview import draw_graph

folder = Path(sys.argv[1])
print(f"torchview {version('torchview')}, PyTorch {version('torch')}")
model, x, y = network_and_batch()
drawn = draw_graph(model, input_data=(x, y), expand_nested=True, graph_dir="LR", device="cpu").visual_graph
drawn.render(outfile=folder / "torchview.svg", cleanup=True)
drawn.attr(dpi="160")
drawn.render(outfile=folder / "torchview.png", cleanup=True)
