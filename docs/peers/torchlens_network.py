"""Draw the tutorial's network with torchlens. Run as: python torchlens_network.py FOLDER."""

import sys
from importlib.metadata import version
from pathlib import Path

import torchlens as tl
from torch_network import network_and_batch

folder = Path(sys.argv[1])
print(f"torchlens {version('torchlens')}, PyTorch {version('torch')}")
model, x, y = network_and_batch()
trace = tl.trace(model, [x, y], capture=tl.options.CaptureOptions(save_grads=True))
trace.log_backward(trace[trace.output_layers[0]].out)
trace.draw(
    vis_mode="rolled",  # the arrows of the gradients miss their nodes in the unrolled mode
    vis_outpath=str(folder / "torchlens-forward"),
    vis_fileformat="svg",
    vis_save_only=True,
    direction="leftright",
    show_saved_for_backward=True,
    color_by="grad_norm",
)
trace.draw_combined(
    vis_outpath=str(folder / "torchlens-combined"), vis_fileformat="svg", vis_save_only=True, vis_direction="topdown"
)
