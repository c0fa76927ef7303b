"""A comparator without a model: words and styles that one of two replies has and the other not."""

from typing import Any

from diffgauge.evals.llm_diff.comparing import compare_sections
from diffgauge.graders.lexical import LexicalGrader
from diffgauge.methods.llm_diff.contrasting import contrasts

__all__ = ["ContrastComparator"]


class ContrastComparator(LexicalGrader):
    """The offline comparator: `--comparator diffgauge/contrast`.

    A baseline and no stand-in for a model's judgement: it lists words and marks, and understands
    nothing. Arguments as of the offline grader.
    """

    def answer(self, prompt: str) -> dict[str, Any]:
        """Returns the properties of the two replies that a prompt shows.

        Raises:
            ValueError: The prompt is not a comparator's.
        """
        shown = compare_sections(prompt)
        return {"properties": contrasts(shown["prompt"], shown["first"], shown["second"])}
