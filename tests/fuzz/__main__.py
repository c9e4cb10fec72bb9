"""``python tests/fuzz --graphs 20000``: random graphs against PyTorch (where it is installed) or NumPy and differences.

Prints each fault as it is found, with the part of the graph that shows it, and what was run at the end. A graph is
drawn again by its number: ``python tests/fuzz --first 1234 --graphs 1``.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import sys
import time
from functools import partial

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import graphs
import judge
from tqdm import tqdm


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--graphs", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one (default: 0)")
    parser.add_argument("--native", type=int, default=1, metavar="N", help="each N-th graph natively, too (default: 1)")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count(), help="default: as many as there are processors"
    )
    asked = parser.parse_args()
    start, faults, operations = time.time(), 0, collections.Counter[str]()
    numbers = range(asked.first, asked.first + asked.graphs)
    context = multiprocessing.get_context("spawn")
    with context.Pool(asked.processes, maxtasksperchild=500) as pool:
        for number, found, part, count in tqdm(
            pool.imap_unordered(partial(judge.judged, every=asked.native), numbers, 4), total=len(numbers), unit="graph"
        ):
            operations += count
            if found:
                faults += 1
                print(f"\n{number}: " + f"\n{number}: ".join(found) + f"\n{part}", flush=True)
    against = "PyTorch" if judge.by_torch else "NumPy and differences (PyTorch is not installed)"
    total = sum(operations.values())
    print(f"{len(numbers)} graphs, {total} operations of {len(operations)} kinds, against {against}: {faults} faulty;")
    natively = sum(len(judge.runs_of(n, asked.native)) > 1 for n in numbers)
    print(f"{natively} of them natively, too; {time.time() - start:.0f} s, batches {graphs.BATCHES}")
    rare = [f"{name} {n}" for name, n in sorted(operations.items(), key=lambda item: item[1])[:5]]
    print(f"the rarest operations: {', '.join(rare)}")
    return faults > 0


if __name__ == "__main__":
    sys.exit(main())
