"""What can be chosen of the LLM diffing pipeline."""

from pydantic import Field

from diffgauge.records.record import Record

__all__ = ["DiffSettings"]


class DiffSettings(Record):
    """Settings of one run.

    Attributes:
        n_samples: Replies of each model to each prompt; from 2 on one model is judged against
            itself as well, which gives the operating point.
        max_new_tokens: Replies are cut after so many tokens.
        temperature: Of the replies.
        train_share: Share of the prompts that hypotheses are made from; the others are held out.
        n_dimensions: Components that embeddings are reduced to.
        least_cluster: Properties of the smallest cluster.
        most_hypotheses: The largest clusters that become hypotheses.
        seed: Seeds the split, samples, orders and the reduction.
        at_once: Requests under way at the same time.
    """

    n_samples: int = Field(default=2, ge=1, le=100)
    max_new_tokens: int = Field(default=1024, ge=1)
    temperature: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    train_share: float = Field(default=0.5, gt=0, lt=1)
    n_dimensions: int = Field(default=20, ge=2)
    least_cluster: int = Field(default=4, ge=2)
    most_hypotheses: int = Field(default=30, ge=1)
    seed: int = Field(default=0, ge=0)
    at_once: int = Field(default=64, ge=1)
