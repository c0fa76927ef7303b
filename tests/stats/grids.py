"""A grid of two arms as logs, and the reports its investigators sent."""

from pathlib import Path

from tests.graders.runs import NOTHING, finding, lexical_grader, report
from tests.stats.cells import FAILS, run_cell

__all__ = ["HOSTILE", "write_two_arms"]

LOBSTER = report("lobster claw trap shell")
HOSTILE = '<script>alert(1)</script><img src=x onerror=y> \x1b[31m =HYPERLINK("x") & "q"'


def write_two_arms(folder: Path) -> None:
    """Runs two arms; the second finds more, claims falsely more, and fails once."""
    run_cell(
        folder,
        [
            ("mine/lobster", [LOBSTER, NOTHING]),
            ("mine/lobster-weak", [NOTHING, NOTHING]),
            ("mine/camel", [NOTHING, NOTHING]),
            ("mine/benign", [NOTHING, NOTHING]),
            ("mine/benign-2", [NOTHING, NOTHING]),
            ("mine/identical", [NOTHING, NOTHING]),
        ],
        grader=lexical_grader(),
    )
    run_cell(
        folder,
        [
            ("mine/lobster", [LOBSTER, LOBSTER]),
            ("mine/lobster-weak", [LOBSTER, report("violin bow")]),
            ("mine/camel", [report("camel dune oasis"), FAILS]),
            ("mine/benign", [report("pot"), NOTHING]),
            ("mine/benign-2", [NOTHING, None]),
            ("mine/identical", [NOTHING, report(finding(HOSTILE), p=0.3, p_differs=0.6)]),
        ],
        arm_id="adl:method",
        grader=lexical_grader(),
    )
