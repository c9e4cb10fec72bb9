"""What is added to a loss so that the weights stay small."""

from __future__ import annotations

from ..graph.arguments import number_from
from ..graph.errors import GradientError, ShapeError, message
from ..graph.node import Node
from ..nodes.reduce import sum


def weight_decay(J: Node, c: float) -> Node:
    """J + c / 2 times the sum of the squares of all weights that J depends on.

    Parameters
    ----------
    J : Node
        A loss: a scalar.
    c : float
        At least 0; lambda in the tutorial.

    Returns
    -------
    Node
        A scalar. The gradient of each weight has c W more than that of J.

    Raises
    ------
    ShapeError
        Where J is no scalar.
    GradientError
        Where it depends on no weight.

    Notes
    -----
    UFLDL, "Multi-Layer Neural Network": the biases are left out, and so are the gains of normalisations: a weight is a
    parameter for which `Param.is_weight` holds. A parameter that J reads at several places counts once. (The setting
    ``weight_decay`` of an optimizer decays the same weights, and leaves the loss that is shown as it is; Adam's is
    decoupled from the gradient.)

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 2))
    >>> W = sc.Param("W", [[3, 4]])
    >>> J = sc.weight_decay(sc.mean(sc.Dense(x, W, sc.Param("b", [7]))), 0.1)
    >>> sc.compile(J)(x=[[0, 0]]), sc.compile(sc.grad(J, [W])[0])(x=[[0, 0]])
    (array(8.25, dtype=float32), array([[0.3, 0.4]], dtype=float32))
    """
    c = number_from(c, 0, float("inf"), "weight_decay: c")
    if J.shape != ():
        raise ShapeError(message(f"a loss is a scalar; this is a {J.spec}", "sc.mean takes the mean", node=J))
    weights = [param for param in J.params if param.is_weight]
    if not weights:
        raise GradientError(message("it depends on no weight: there is nothing to decay", node=J))
    total = sum(weights[0] * weights[0])
    for w in weights[1:]:
        total = total + sum(w * w)
    return J + c / 2 * total
