"""The pictures of the gallery, from the networks beside this file; `python docs/make.py` writes them."""

from __future__ import annotations

import networks
import numpy as np

import symcnn as sc
from symcnn.draw.diagram.diagram import Diagram

TITLES = {
    "tutorial": "The tutorial's network",
    "lenet5": "LeNet-5, with its table of connections",
    "residual": "A residual block that applies one convolution twice",
    "two_losses": "Two inputs, two losses",
    "deep": "A residual network of 360 nodes",
}
NOTES = {
    "tutorial": "One band. Below each box its twin: what the sweep does there. Nothing needs `δ(x)`: it is grey.",
    "lenet5": "Wider than 1400 pixels, so it is cut into bands, like the systems of sheet music: an edge that is cut "
    "goes on at the left of the next band, in its row, with its name.",
    "residual": "The skip runs in a row of its own; what comes back along both ways is added (`+=`). `W2` is read "
    "twice: where the second reader stands in another band, the parameter is drawn again.",
    "two_losses": "`left` and `right` share their filters; two heads read `a3`, and their errors are added there.",
    "deep": "Blocks that repeat share a box, with the equations of the first copy and how often it comes.",
}


def pictures() -> dict[str, str]:
    """The content of each file: diagrams and figures of units, and the page that shows them."""
    found = {f"{name}.svg": sc.draw(network()).svg for name, network in networks.ALL.items()}
    found["focus.svg"] = _focus().svg
    found["nodes.svg"] = sc.draw(networks.tutorial(), zoom="nodes").svg
    found["units-speech.svg"] = sc.draw_units(networks.speech()).svg
    found["units-lenet5.svg"] = sc.draw_units(networks.lenet5()).svg
    found["README.md"] = page()
    return found


def with_values() -> dict[str, str]:
    """Pictures of runs: their last digits depend on the machine, so they are not compared with what is here."""
    digits = sc.data.mnist_mini()
    network = networks.trained(digits)
    run = sc.backprop(network.J).run(x=digits.x_test[3:4], y=digits.y_test[3:4])
    broken = networks.trained(digits)
    broken.J.params[0].value[2, 0, 3, 3] = np.nan
    spoilt = sc.backprop(broken.J).run(x=digits.x_test[3:4], y=digits.y_test[3:4])
    return {"digit.svg": run.draw().svg, "nan.svg": spoilt.draw().svg}


def _focus() -> Diagram:
    """The neighbourhood of the last sum of the deep network."""
    J = networks.deep()
    last = [node for node in J.graph().order if isinstance(node, sc.Add) and node.ndim == 4][-1]
    return sc.draw(J, focus=last, hops=2)


def page() -> str:
    """The gallery's page."""
    text = [
        "# Gallery\n",
        "Made by `python docs/make.py` from [networks.py](networks.py). Each picture is `sc.draw(J).svg`, with nothing",
        'added by hand; `sc.draw(J).save("net.png")` and `"net.pdf"` are laid out by Graphviz.\n',
        "## With values: a digit on its way through a trained network\n",
        "`sc.backprop(J).run(x=image, y=label).draw()`. Edges carry norms; boxes carry some of their maps, parameters",
        "their filters, each with its gradient below. Blue is below 0, vermilion above it; dark blue to yellow where",
        "nothing is below 0.\n",
        "![The tutorial's network with maps, errors, filters and gradients of a handwritten digit](digit.svg)\n",
    ]
    for name, title in TITLES.items():
        text += [f"## {title}\n", f"{NOTES[name]}\n", f"![{title}]({name}.svg)\n"]
    text += [
        "## A neighbourhood\n",
        "`sc.draw(J, focus=node, hops=2)`: two edges around the last sum of the network above.\n",
        "![The last residual block](focus.svg)\n",
        "## Every node of both graphs\n",
        '`sc.draw(J, zoom="nodes")`: below the forward pass the backward graph as the sweep made it, each `Pad`,',
        "`Swap` and `Rot90` of it under the node whose rule made it. What it reads from the forward pass stands in",
        "its formula.\n",
        "![The tutorial's network, node by node](nodes.svg)\n",
        "## The tutorial's figure 1\n",
        "`sc.draw_units(J)`: which units a unit reads, and which weights are tied. One-row maps as circles, others as",
        "stacks.\n",
        "![A one-row network: an input of 10 units, two filters of 3, means of 2](units-speech.svg)\n",
        "![LeNet-5 as stacks of maps with receptive fields](units-lenet5.svg)\n",
        "## What is no number is seen\n",
        "One weight of the third filter is NaN. Edges say how many values are, and maps show where.\n",
        "![The same digit through a network with a NaN in one filter](nan.svg)\n",
    ]
    return "\n".join(text)
