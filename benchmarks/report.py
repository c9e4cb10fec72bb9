"""The tables that `training_step.py` prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training_step import Case, Comparison, Result

Cell = Callable[["Result"], str]


def report(comparison: Comparison) -> str:
    """The whole comparison as text."""
    ours = [name for name in comparison.versions if name.startswith("symcnn")]
    sections = [
        _head(comparison),
        _checked(comparison),
        _table("one training step, microseconds (median)", comparison, _time, _sgemm_time(comparison)),
        *(_table(f"time of {name} over the others'", comparison, _ratio(comparison, name)) for name in ours),
        _table("peak memory of the process, MiB", comparison, lambda r: f"{r.peak_bytes / 2**20:.0f}"),
        _table("seconds to build, compile and take 3 steps", comparison, lambda r: f"{r.seconds_to_ready:.2f}"),
    ]
    return "\n\n".join(sections)


def _head(comparison: Comparison) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in comparison.versions.items())
    rate = f"{comparison.sgemm_flops / 1e9:.0f} GFLOP/s"
    lines = [
        comparison.machine,
        f"{comparison.threads} threads; sgemm: the time of as many MFLOP in a large float32 matrix product, {rate}",
        versions,
        *(f"missing: {name}" for name in comparison.missing),
    ]
    results = [result for case in comparison.cases for result in case.results]
    if disturbed := sum(result.disturbed for result in results):
        turns = sum(len(result.rounds) for result in results)
        lines.append(f"the machine was not idle: other processes ran beside {disturbed} of the {turns} turns timed")
        lines.append("a ? stands where all turns of a peer were disturbed")
    return "\n".join(lines)


def _checked(comparison: Comparison) -> str:
    results = [(case, result) for case in comparison.cases for result in case.results]
    right = [result for _, result in results if result.status == "ok"]
    loss, update = (max((getattr(r, key) for r in right), default=0) for key in ("loss_error", "update_error"))
    lines = [
        f"Three steps against the float64 reference: {len(right)} of {len(results)} are right "
        f"(at most {loss:.0e} off in the loss, and {update:.0%} of the tolerance in the updates)."
    ]
    for case, result in results:
        if result.status != "ok":
            errors = f"loss error {result.loss_error:.1e}, updates {result.update_error:.2g} times the tolerance off"
            what = f"wrong: {errors}" if result.status == "wrong" else result.status
            lines.append(f"  {result.peer}, {_title(case)}: {what}")
    return "\n".join(lines)


def _table(title: str, comparison: Comparison, cell: Cell, first: Callable[[Case], list[str]] | None = None) -> str:
    """A row a case, a column a peer; `first` gives the cells before the peers'."""
    heads = ["", *(["MFLOP", "sgemm"] if first else []), *comparison.versions]
    rows = [
        [_title(case), *(first(case) if first else []), *(_shown(result, cell) for result in case.results)]
        for case in comparison.cases
    ]
    return "\n".join([title, *aligned([heads, *rows])])


def aligned(rows: list[list[str]]) -> list[str]:
    """The rows of a table as lines, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]


def _shown(result: Result, cell: Cell) -> str:
    return cell(result) if result.status == "ok" else result.status.partition(":")[0]


def _title(case: Case) -> str:
    return f"{case.network} batch {case.batch}"


def _sgemm_time(comparison: Comparison) -> Callable[[Case], list[str]]:
    return lambda case: [f"{case.flops / 1e6:,.1f}", _microseconds(case.flops / comparison.sgemm_flops)]


def _microseconds(seconds: float) -> str:
    return f"{1e6 * seconds:,.0f}"


def _time(result: Result) -> str:
    return _microseconds(result.seconds) + _doubt(result)


def _doubt(result: Result) -> str:
    """A mark for what was never timed undisturbed."""
    return "?" if result.disturbed == len(result.rounds) else ""


def _ratio(comparison: Comparison, name: str) -> Cell:
    own = {id(r): own for case in comparison.cases for own in case.results if own.peer == name for r in case.results}

    def cell(result: Result) -> str:
        ours = own[id(result)]
        return f"{ours.seconds / result.seconds:.2f}{_doubt(result) or _doubt(ours)}"

    return cell
