"""What a node's backward rule sends to its inputs, checked against what a rule owes."""

from __future__ import annotations

from .graph.algebra import cast, sum_to
from .graph.errors import NodeTypeError, SymcnnError, made_by_rule, message, place_of, rule_failed
from .graph.node import Node
from .graph.spec import broadcast_shapes, is_real
from .simplify.zero_errors import kept_zero


def errors_sent(node: Node, delta: Node) -> tuple[tuple[Node, Node], ...]:
    """What `node`'s backward rule sends to its inputs, checked against what a rule owes.

    An elementwise rule may answer in the shape of the node: what broadcasting had stretched is summed here,
    so no rule has to. Nor has a rule to see to it that an error of exactly 0 stays 0: see
    `symcnn.simplify.zero_errors`.
    """
    if not node.inputs:
        return ()
    return made_by_rule(node, "backward rule", _sent, node, delta)


def _sent(node: Node, delta: Node) -> tuple[tuple[Node, Node], ...]:
    answers = _answers(node, delta)
    if not isinstance(answers, tuple | list) or len(answers) != len(node.inputs):
        raise _broken(node, _miscounted(answers, len(node.inputs)))
    sent = []
    for source, error in zip(node.inputs, answers, strict=True):
        if error is not None:
            sent.append((source, kept_zero(_fitted(node, source, error), delta, (node, *node.inputs))))
    return tuple(sent)


def _answers(node: Node, delta: Node) -> object:
    """What the backward rule returns, whatever that is."""
    try:
        return node.backward(delta)
    except (SymcnnError, MemoryError):
        raise  # an error of the house says where: what a rule makes carries its node's line
    except Exception as error:
        raise rule_failed(node, "backward", error) from error


def _fitted(node: Node, source: Node, error: Node) -> Node:
    """`error` in the shape and dtype of `source`."""
    if not isinstance(error, Node):
        raise _broken(node, f"returned a {type(error).__name__}; expected nodes, as in (delta * 2,), or None")
    if not is_real(source.dtype):
        raise _broken(node, f"returned an error for {source.label} of dtype {source.dtype}; return None for it")
    if error.shape != source.shape:
        stretched = node.elementwise and error.shape == node.shape
        if not stretched or broadcast_shapes(source.shape, node.shape) != node.shape:
            raise _broken(node, f"returned an error of shape {error.shape} for {source.label}; expected {source.shape}")
        error = sum_to(error, source.shape)
    return error if error.dtype == source.dtype else cast(error, source.dtype.name)


def _miscounted(answers: object, expected: int) -> str:
    if isinstance(answers, Node):
        return "returned a node; expected a tuple, as in (delta * 2,) - mind the comma"
    if not isinstance(answers, tuple | list):
        return f"returned a {type(answers).__name__}; expected a tuple of nodes"
    return f"returned {len(answers)} errors; expected {expected}, one an input"


def _broken(node: Node, what: str) -> NodeTypeError:
    place = f"the rule is at {place_of(type(node).backward)}"
    return NodeTypeError(message(f"the backward rule {what}", place, node=node))
