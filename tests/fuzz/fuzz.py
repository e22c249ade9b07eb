"""Goes through every public door with odd arguments, and counts what was right, what was refused, and what broke.

    python tests/fuzz/fuzz.py                    # 2,000 cases a door, some ten minutes
    python tests/fuzz/fuzz.py --cases 100 --only Market

Exits with 1 where a call ended in anything but a right result or an error that is documented.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.doors import DOORS
from tests.fuzz.fuzzing import fuzz


def main() -> int:
    """Fuzz the doors asked for and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000, help="of each door")
    parser.add_argument("--only", default="", metavar="WORD", help="doors whose name holds it")
    parser.add_argument("--seed", type=int, default=0, help="of the cases")
    args = parser.parse_args()
    total: Counter[str] = Counter()
    for door in DOORS:
        if args.only not in door.name:
            continue
        try:
            counts = fuzz(door, -(-args.cases // door.every), args.seed)
        except Exception as error:
            counts = Counter(broke=1)
            print(*(str(note)[:2000] for note in getattr(error, "__notes__", [])), sep="\n")
            print(
                "".join(traceback.format_tb(error.__traceback__)[-3:]),
                f"{type(error).__name__}: {str(error)[:300]}",
                sep="",
            )
        total += counts
        print(
            f"{door.name:24} right {counts['right']}, refused {counts['refused']}, broke {counts['broke']}", flush=True
        )
    print(f"{'all':24} right {total['right']}, refused {total['refused']}, broke {total['broke']}")
    return int(bool(total["broke"]))


if __name__ == "__main__":
    sys.exit(main())
