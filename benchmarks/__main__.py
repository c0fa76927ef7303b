"""Runs every benchmark, each in a process of its own: `python -m benchmarks`."""

import subprocess
import sys

__all__ = ["main"]

_ALL = (
    "pair_service",
    "adl",
    "capture",
    "activation_store",
    "kl",
    "diff_mining",
    "amplification",
    "perplexity_diff",
    "activation_oracle",
    "dictionaries",
    "event_loop",
    "rows",
    "throughput",
)


def main() -> int:
    """Returns 0 when every benchmark ran, else 1."""
    failed = 0
    for name in _ALL:
        print(f"== python -m benchmarks.{name}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
