"""A pair of hosted models behind the service that tools ask."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Never, TypeVar

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
)

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import ApiPair
from diffgauge.records.subjects import ChatMessage as SubjectMessage
from diffgauge.records.subjects import Prompt, Reply, Side
from diffgauge.tools.hosted import HostedCallError, asked, side_by_side, subject_model, without
from diffgauge.tools.secrets import telling

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair, Row

__all__ = ["ApiService"]

_SEED_BITS: Final = 31
"""Some providers take signed numbers of 32 bits."""

_MENDABLE: Final = frozenset({400, 413, 422})
"""HTTP statuses that say the request was at fault, not the provider or the key."""

_CUT: Final = frozenset({"max_tokens", "model_length"})
_CHARACTERS_PER_TOKEN: Final = 4
_STYLES: Final = "prompts in a conversation, with a system prompt or earlier turns before them"
_WITHHELD: Final = "(The provider's content filter withheld this reply.)"

T = TypeVar("T")


class ApiService:
    """Asks two hosted models through Inspect: a `SubjectService` without weights.

    Each row is a conversation of its own and a fresh sample. Seed, temperature and length go to
    the provider, which may ignore the seed. What is not known here: whether both sides were
    given the same tokens, and whether the provider put anything before them.

    Args:
        pair: Names both models.

    Raises:
        DiffgaugeError: As `hosted.subject_model`, like its other errors.
    """

    def __init__(self, pair: ApiPair) -> None:
        self._models: dict[Side, Model] = {
            "base": subject_model(pair.base),
            "finetuned": subject_model(pair.finetuned),
        }
        whole = (pair.base, pair.finetuned)
        bare = (name.split("/", 1)[-1] for name in whole)
        self._names = [*whole, *filter(telling, bare)]
        self._answered: set[Side] = set()

    async def generate(self, rows: "Sequence[Row]") -> list[Reply]:
        """Samples one reply for each row, a number of them at a time.

        Args:
            rows: Conversations whose last message is not the assistant's.

        Returns:
            Replies in order. A refusal is a reply with the refusal's text. Tokens are the
            provider's count; where it gives none, a quarter of the reply's characters.

        Raises:
            DiffgaugeError: A row is raw text, a reply to be continued or steered, or its
                provider refused the request as such, with the provider's words, without the
                models' names and without keys.
            HostedCallError: A model has never answered, or failed in a way that no other request
                would mend.
        """
        for row in rows:
            _check(row)
        return await side_by_side([partial(self._reply, row) for row in rows])

    async def run(self, work: "Callable[[ModelPair], T]") -> T:
        """Refuses: there are no weights here.

        Raises:
            DiffgaugeError: Always.
        """
        del work
        raise DiffgaugeError(
            "These models are hosted elsewhere: their weights and activations cannot be read.",
            allowed="replies to prompts",
        )

    async def _reply(self, row: "Row") -> Reply:
        prompt = row.prompt
        config = GenerateConfig(
            seed=prompt.seed % (1 << _SEED_BITS),
            temperature=prompt.temperature,
            max_tokens=prompt.max_new_tokens,
            # A refusal is something a model did, and the investigator may read it.
            fail_on_refusal=False,
        )
        messages = [_message(one) for one in prompt.messages]
        try:
            output = await asked(self._models[row.side], messages, config)
        except HostedCallError as error:
            self._fail(row.side, error)
        self._answered.add(row.side)
        return _read(output)

    def _fail(self, side: Side, error: HostedCallError) -> Never:
        """Tells the investigator what it can mend; anything else ends the sample."""
        told = without(str(error), self._names, "the model")
        if error.status in _MENDABLE and side in self._answered:
            raise DiffgaugeError(
                f"A model could not be asked this: {told}",
                advice="Nothing was spent. Ask something else.",
            ) from None
        raise HostedCallError(f"The {side} model could not be asked: {error}", error.status)


def _check(row: "Row") -> None:
    prompt: Prompt = row.prompt
    if prompt.text is not None or not prompt.messages:
        raise DiffgaugeError(
            "Hosted models take conversations; raw text cannot be continued by them.",
            allowed=_STYLES,
        )
    if prompt.messages[-1].role == "assistant":
        # Most providers take it for a finished turn, and some refuse it: no two are alike.
        raise DiffgaugeError(
            "Hosted models begin every reply themselves; one that was begun cannot be continued.",
            allowed=_STYLES,
        )
    if row.steering is not None:
        raise DiffgaugeError(
            "Hosted models cannot be steered: their activations are out of reach.",
            allowed="rows without steering",
        )


def _message(message: SubjectMessage) -> ChatMessage:
    if message.role == "system":
        return ChatMessageSystem(content=message.content)
    if message.role == "user":
        return ChatMessageUser(content=message.content)
    return ChatMessageAssistant(content=message.content)


def _read(output: ModelOutput) -> Reply:
    text = output.completion
    if not text and output.stop_reason == "content_filter":
        details = output.choices[0].stop_details
        text = (details.explanation if details is not None else None) or _WITHHELD
    if output.usage is None:
        n_tokens = -(-len(text) // _CHARACTERS_PER_TOKEN)
    else:
        n_tokens = output.usage.output_tokens
    return Reply(text=text, n_tokens=n_tokens, finished=output.stop_reason not in _CUT)
