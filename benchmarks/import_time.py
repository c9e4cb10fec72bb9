"""How long `import symcnn` takes beyond numpy, which it stands on, and which modules it loads.

Each import happens in a process of its own; the medians of several are compared, taken in turns. Bytecode is
cached, in a folder of this run's own, as it is for an installed package.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

LIMIT = 0.05
BASE, OURS = "numpy", "symcnn"
PROBE = """
import json, sys, time
start = time.perf_counter()
import {modules}
print(json.dumps([time.perf_counter() - start, sorted(sys.modules)]))
"""


def imported(modules: str, cache: str) -> tuple[float, set[str]]:
    """Seconds, and the names of all modules that are loaded afterwards."""
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", PROBE.format(modules=modules)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root, env=environment)
    seconds, names = json.loads(answer.stdout)
    return seconds, set(names)


def main() -> int:
    """Measure, print, and fail above the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15, help="imports of each kind (default: 15)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as cache:
        _, base_modules = imported(BASE, cache)
        _, our_modules = imported(OURS, cache)
        pairs = [(imported(BASE, cache)[0], imported(OURS, cache)[0]) for _ in range(runs)]
    base, ours = median(p[0] for p in pairs), median(p[1] for p in pairs)
    added = sorted(our_modules - base_modules)
    own = [name for name in added if name.partition(".")[0] == OURS]
    print(f"import {BASE}: {1e3 * base:.1f} ms (median of {runs})")
    print(f"import {OURS}: {1e3 * ours:.1f} ms")
    print(f"{OURS} alone: {1e3 * (ours - base):.1f} ms; the limit is {1e3 * LIMIT:.0f} ms")
    print(f"modules of its own: {len(own)}")
    print(f"other modules that come with it: {', '.join(n for n in added if n not in own) or 'none'}")
    return 0 if ours - base < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
