"""Keys of the sample store, shared by those who write a run and those who only read its log."""

__all__ = [
    "ALIASES_KEY",
    "ARTIFACT_KEY",
    "BOARD_KEY",
    "NOT_GRADED",
    "NO_SHAM",
    "PREFLIGHT_KEY",
    "REPLICATION_KEY",
    "REPORT_KEY",
    "USAGE_KEY",
]

REPORT_KEY = "diffgauge:report"
"""JSON of `Report`; absent when none was accepted."""

ALIASES_KEY = "diffgauge:aliases"
"""``{"base": alias, "finetuned": alias}`` as the investigator saw them."""

USAGE_KEY = "diffgauge:usage"
"""JSON of counts: interactions spent, the budget, calls refused, and the like."""

PREFLIGHT_KEY = "diffgauge:preflight"
"""JSON of the preflight's verdict, reasons and figures."""

ARTIFACT_KEY = "diffgauge:artifact"
"""JSON of the artifact's header; absent in arms without a method. In the arm ``sham`` the other
organism's; in ``blackbox_matched`` that of the artifact whose number of replies was given, which
itself was not shown."""

BOARD_KEY = "diffgauge:board"
"""JSON list of `BoardEntry`, rejected ones among them; absent when the board was never used."""

REPLICATION_KEY = "diffgauge:replication"
"""JSON of `Replication`; absent where nothing was to be sampled after the report."""

NOT_GRADED = "not graded"
"""Reason of every scorer for a report that there is nothing to grade by."""

NO_SHAM = "none"
"""`shown_truth_id` in the metadata of every sample that was shown no other organism's artifact."""
