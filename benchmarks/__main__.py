"""Every benchmark in one run: start-up, a drill by its phases, Chaos Toolkit beside it, the TTM's truth.

`python -m benchmarks [--repeat N]`; it prints a table and exits 1 where an aim is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import accuracy, chaos_toolkit, drill, startup

AIM_VERSION_S = 0.150
AIM_SERVING_S = 1.5
AIM_VERDICT_S = 5.0


def main() -> int:
    """Run them all; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    repeat: int = parser.parse_args().repeat
    with tempfile.TemporaryDirectory(prefix="drillbook-bench-") as folder:
        print(f"Each figure is the median of {repeat} runs, with the least and the most.\n")
        version = startup.measure(repeat)
        line("drillbook --version", version)
        drills = [drill.measure(Path(folder) / str(n)) for n in range(repeat)]
        verdict = [one.wall_s for one in drills]
        serving = [one.parts["boot"] for one in drills]
        print("\nOne warm drill of stuck-transactions/idle-past-threshold, without its control")
        for name in drills[0].parts:
            line(f"  {name}", [one.parts[name] for one in drills])
        line("  from command to verdict", verdict)
        print("\nThe same drill, written for Chaos Toolkit, against the same servers")
        peers = [chaos_toolkit.measure(Path(folder) / f"peer-{n}") for n in range(repeat)]
        line("  stack up", [peer.boot_s for peer in peers])
        line("  chaos run", [peer.run_s for peer in peers])
        line("  from command to verdict", [peer.wall_s for peer in peers])
        print("\nA fault that ends by itself at a known moment (probes every 40 ms)")
        errors = [accuracy.measure(Path(folder) / f"accuracy-{n}") for n in range(repeat)]
        line("  mitigate - true moment", errors)
    print()
    aims = {
        f"--version within {AIM_VERSION_S:g} s": statistics.median(version) <= AIM_VERSION_S,
        f"serving within {AIM_SERVING_S:g} s": statistics.median(serving) <= AIM_SERVING_S,
        f"verdict within {AIM_VERDICT_S:g} s": statistics.median(verdict) <= AIM_VERDICT_S,
        "TTM within one probe interval": all(0 <= error <= accuracy.INTERVAL_S for error in errors),
    }
    for aim, met in aims.items():
        print(f"{'met   ' if met else 'MISSED'}  {aim}")
    return 0 if all(aims.values()) else 1


def line(name: str, values: Sequence[float]) -> None:
    """One figure: its median, least and most, in milliseconds."""
    middle, least, most = statistics.median(values), min(values), max(values)
    print(f"{name:<34} {middle * 1000:>7.0f} ms   ({least * 1000:.0f} to {most * 1000:.0f})")


if __name__ == "__main__":
    sys.exit(main())
