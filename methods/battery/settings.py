"""What can be chosen of the prompt battery."""

from pydantic import Field

from diffgauge.methods.method import MethodSettings

__all__ = ["BatterySettings"]


class BatterySettings(MethodSettings):
    """Settings of the prompt battery. It reads no corpus: `corpus` and `n_texts` count nowhere.

    Attributes:
        n_prompts: Open prompts that both models answer.
        n_replies: Replies of each model to each prompt.
        max_new_tokens: Replies are cut after so many tokens.
        batch_prompts: Prompts answered between two checkpoints.
        prior_words: Weight of the prior of the log-odds (alpha_0), in words.
        least_replies: A word is ranked and tested when so many replies hold it.
        n_permutations: Exchanges of the two models' replies that are drawn for the test.
        kept_terms: Words kept for each model.
        alpha: A difference counts as shown when its corrected p-value is at most this.
    """

    n_prompts: int = Field(default=60, ge=1)
    n_replies: int = Field(default=1, ge=1, le=100)
    max_new_tokens: int = Field(default=48, ge=1)
    batch_prompts: int = Field(default=20, ge=1)
    prior_words: float = Field(default=500.0, gt=0, allow_inf_nan=False)
    least_replies: int = Field(default=2, ge=1)
    n_permutations: int = Field(default=4000, ge=100, le=100_000)
    kept_terms: int = Field(default=200, ge=1, le=2000)
    alpha: float = Field(default=0.05, gt=0, lt=1)
