"""native.md: how a program becomes machine code, with what the code itself says at each stage of a small network."""

from __future__ import annotations

import re
import textwrap
from functools import cache
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import native_figures
import numpy as np

import symcnn as sc
from symcnn.engine.native.analysis.partition import OF_MANY, Kind, Partition, partition
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir.llvm import module
from symcnn.engine.native.ir.printing import printed
from symcnn.engine.native.kernels import winograd
from symcnn.engine.native.kernels.tiling import PRODUCTS, rectangle, threes
from symcnn.engine.native.runtime.compiled import Compiled
from symcnn.engine.native.runtime.nests import described, kind, nests, within
from symcnn.engine.plan import Plan

TEXT = (Path(__file__).parent / "native.template").read_text(encoding="utf-8")
"""The page, with names in braces where the code has its say."""
CPU = ("haswell", "+avx2,+fma", "x86_64-unknown-linux-gnu")
"""A processor with 8 lanes and 16 registers: so the page is the same wherever it is made."""
SMALL = """\
import symcnn as sc

x, y = sc.Input("x", (None, 1, 5, 5)), sc.Input("y", (None,), dtype="int64")
z1 = sc.conv(x, filters=1, size=2, seed=0, name="conv1")
p1 = sc.mean_pool(sc.sigmoid(z1), 2)
J = sc.softmax_cross_entropy(sc.dense(p1, 2, seed=1, name="out"), y)
step = sc.train_step(J, sc.SGD(lr=0.1), backend="native")
"""
LARGE = """\
x, y = sc.Input("x", (None, 1, 28, 28)), sc.Input("y", (None,), dtype="int64")
p1 = sc.mean_pool(sc.sigmoid(sc.conv(x, filters=20, size=9, seed=0, name="conv1")), 2)
J = sc.softmax_cross_entropy(sc.dense(p1, 10, seed=1, name="out"), y)
step = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9), backend="native")
"""
OWN = '''\
class Swish(sc.Node):
    """z sigmoid(b z)."""
    z: sc.Node
    b: float = 1.0
    def forward(self, xp, z):   return z / (1 + xp.exp(-self.b * z))
    def backward(self, delta):  return delta * (self.b * self + sc.sigmoid(self.b * self.z) * (1 - self.b * self)),
'''
REFUSED = '''\
class Cautious(sc.Node):
    """2 z, or z where any of it is negative."""
    z: sc.Node
    def forward(self, xp, z):   return 2 * z if (z >= 0).all() else z
'''


def run(code: str) -> dict[str, Any]:
    """The names that `code` defines; its lines are those of "network.py"."""
    names: dict[str, Any] = {"sc": sc}
    exec(compile(code, "network.py", "exec"), names)
    return names


@cache
def written() -> Compiled:
    """The small network's training step, up to machine code."""
    return Compiled.written(run(SMALL)["step"].program.plan, Cpu.of(*CPU))


def files(before: str | None) -> dict[str, str]:
    """The page and its figures; with the profile of the page that was made `before`, or else a new one.

    The small network comes first: the order of a graph may depend on which equal nodes there are already.
    """
    compiled = written()
    made = {
        "native-lanes.svg": native_figures.lanes(compiled.cpu.lanes),
        "native-buffers.svg": native_figures.buffers(compiled, next(iter(compiled.groups))),
    }
    text = page(compiled)
    profile = measured() if before is None else measured_before(before)
    return {"native.md": text.replace(_PROFILE, profile), **made}


_PROFILE = "(profile)"


def page(compiled: Compiled) -> str:
    """The whole page, but for the profile."""
    return TEXT.format(
        small=SMALL,
        parts=parts(compiled),
        fused=fused(compiled),
        convolution=function(compiled, "conv"),
        pooling=function(compiled, "pool"),
        mul=function(compiled, "_mul"),
        job=function(compiled, "images"),
        tiles=tiles(),
        winograd=formulas(),
        threes=products(),
        llvm=llvm(compiled),
        large=LARGE,
        profile=_PROFILE,
        left=left_to_numpy(),
        own=OWN,
        own_loops=own_loops(),
        refused=REFUSED,
        reason=refused(),
    )


def parts(compiled: Compiled) -> str:
    """The stages with their nodes."""
    lines = []
    for number, stage in enumerate(compiled.partition.stages):
        lines.append(f"stage {number}: {stage.kind}")
        kinds = groupby(stage.nodes, key=lambda n: compiled.partition.kinds[n])
        for which, nodes in kinds:
            lines += wrapped(f"{which.value:19}", [f"{n.label} {n.shape}" for n in nodes])
    return "\n".join(lines)


def wrapped(head: str, words: list[str]) -> list[str]:
    """Words in lines of at most 110 letters, under each other."""
    lines = [f"  {head}"]
    for word in words:
        if len(lines[-1]) + len(word) > 110:
            lines.append(" " * (2 + len(head)))
        lines[-1] += f" {word},"
    return [*lines[:-1], lines[-1].rstrip(",")]


def fused(compiled: Compiled) -> str:
    """The loop nests, as a report has them."""
    (group,) = compiled.groups.values()
    order = {node: place for place, node in enumerate(compiled.plan.order)}
    rows = [f"{kind(node):22} {described(node, within(node, group, order))}" for node in group.loops]
    return "\n".join(rows)


def function(compiled: Compiled, word: str) -> str:
    """The loops of the last function whose name ends with `word`."""
    return next(printed(f) for f in reversed(compiled.lowered.functions) if f.name.endswith(word))


def tiles() -> str:
    """How many filters and columns of some convolutions are computed at a time, for two processors."""
    rows = ["| filters x columns | 16 registers (AVX2) | 32 registers (AVX-512) |", "|---|---|---|"]
    for filters, columns in [(1, 4), (6, 28), (20, 20), (64, 11)]:
        found = [rectangle(filters, columns, registers) for registers in (16, 32)]
        rows.append(f"| {filters} x {columns} | " + " | ".join(f"{f} x {c}" for f, c in found) + " |")
    return "\n".join(rows)


def formulas() -> str:
    """The four products and the two results, as their file has them."""
    assert winograd.__doc__ is not None
    block, *_ = re.findall(r"::\n\n(.*?)\n\n", winograd.__doc__, re.DOTALL)
    return str(textwrap.dedent(block))


def products() -> str:
    """How many products two neighbouring results take, for some rows of taps."""
    rows = ["| columns of the filter | products for two results | each for itself |", "|---|---|---|"]
    for taps in (3, 5, 7, 9):
        counts = [len(PRODUCTS[size]) for _, size in threes(taps)]
        total = f"{' + '.join(map(str, counts))} = {sum(counts)}" if len(counts) > 1 else counts[0]
        rows.append(f"| {taps} | {total} | {2 * taps} |")
    return "\n".join(rows)


def llvm(compiled: Compiled) -> str:
    """Some lines of the convolution in LLVM's language: those around its first multiply-add."""
    convolution = next(f for f in compiled.lowered.functions if f.name.endswith("conv"))
    lines = module([convolution]).splitlines()
    first = next(n for n, line in enumerate(lines) if "call" in line and "fmuladd" in line)
    return "\n".join(lines[first - 6 : first + 4])


def left_to_numpy() -> str:
    """The node types of which no sample is compiled, with the reasons."""
    reasons: dict[str, dict[str, None]] = {}
    compiled: set[str] = set()
    for cls in sc.node_types():
        for sample in cls.samples() if cls.__module__.startswith("symcnn.") else []:
            if sample.inputs:
                _sort(sample, cls.__name__, compiled, reasons)
    rows = [f"| `{name}` | {', '.join(why)} |" for name, why in sorted(reasons.items()) if name not in compiled and why]
    return "\n".join(["| type | why |", "|---|---|", *rows])


def _sort(node: sc.Node, name: str, compiled: set[str], reasons: dict[str, dict[str, None]]) -> None:
    """Whether a sample is compiled, or why not."""
    found = alone(node)
    if found.kinds[node] is not Kind.NUMPY:
        compiled.add(name)
    elif found.why[node] not in OF_MANY:
        reasons.setdefault(name, {})[found.why[node]] = None


def refused() -> str:
    """Why the rule that looks at numbers is left to NumPy."""
    node = run(REFUSED)["Cautious"](sc.Input("z", (None, 3)))
    return alone(node).why[node]


def alone(node: sc.Node) -> Partition:
    """Where `node` is computed, when nothing else is."""
    return partition(Plan((node,), (node,), ()))


def own_loops() -> str:
    """The loops of a type that a user has written."""
    node = run(OWN)["Swish"](sc.Input("z", (None, 3)), 0.5)
    return function(Compiled.written(sc.compile(node, backend="numpy").plan, Cpu.of(*CPU)), "swish")


# What is measured ------------------------------------------------------------------------------------


def measured() -> str:
    """The first lines of a profile, on this machine: of several, the one that was disturbed least."""
    step = run(LARGE)["step"]
    rng = np.random.default_rng(0)
    feeds = {"x": rng.random((256, 1, 28, 28), dtype="float32"), "y": rng.integers(0, 10, 256)}
    best = min((step.profile(feeds, runs=20) for _ in range(10)), key=lambda profile: profile.seconds)
    head, share, columns, *rows = str(best).splitlines()
    return "\n".join([head, share, columns, *rows[:6], "..."])


def measured_before(text: str) -> str:
    """The profile in a page that was made before; nothing, where today's would have other columns or rows."""
    found = re.search(r"```\n(native, batch 256.*?)\n\.\.\.\n```", text, re.DOTALL)
    if found is None:
        return ""
    _, _, columns, *rows = found[1].splitlines()
    compiled = Compiled.written(run(LARGE)["step"].program.plan, Cpu.of(*CPU))
    today = [f"  {nest.text} [{nest.kind}] " for nest in nests(compiled, list(chain(*compiled.lowered.jobs)), 256)]
    same = columns.split() == HEAD and all(any(words in row for words in today) for row in rows)
    return f"{found[1]}\n..." if same else ""


HEAD = ["ms", "share", "GFLOP/s", "of", "peak", "GB/s", "bytes", "node"]
