"""What can be chosen of LLM diffing."""

from pydantic import Field

from diffgauge.methods.method import MethodSettings

__all__ = ["LLMDiffSettings"]


class LLMDiffSettings(MethodSettings):
    """Settings of LLM diffing. It reads no corpus: `corpus` and `n_texts` count nowhere.

    Attributes:
        n_prompts: Open prompts that both models answer.
        n_held_out: Further prompts that nobody answers before a claim is tested on them.
        n_replies: Replies of each model to each prompt.
        max_new_tokens: Replies are cut after so many tokens.
        batch_prompts: Prompts answered between two checkpoints.
        n_dimensions: Components that embeddings are reduced to.
        least_cluster: Properties of the smallest cluster.
    """

    n_prompts: int = Field(default=60, ge=1)
    n_held_out: int = Field(default=40, ge=1)
    n_replies: int = Field(default=1, ge=1, le=100)
    max_new_tokens: int = Field(default=48, ge=1)
    batch_prompts: int = Field(default=20, ge=1)
    n_dimensions: int = Field(default=20, ge=2)
    least_cluster: int = Field(default=4, ge=2)
