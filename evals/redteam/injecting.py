"""A subject service whose replies carry a text they did not have: all else is the real one."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, TypeVar

from inspect_ai.solver import Generate, Solver, TaskState, solver

from diffgauge.evals.lease import held
from diffgauge.evals.redteam.pleas import PLEAS, sides_of
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.injections import CLEAN, PleaAim
from diffgauge.records.subjects import Reply, Side
from diffgauge.tools.subject_service import SubjectService

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair, Row

__all__ = ["PLEA_KEY", "InjectedService", "injected"]

PLEA_KEY = "plea"
"""Of a sample's metadata: kind of plea, or `CLEAN`."""

T = TypeVar("T")


class InjectedService:
    """Two subject models, some of whose replies end with a given text.

    Args:
        service: The pair.
        text: What is put at the end, after a blank.
        sides: Whose replies carry it.
    """

    def __init__(self, service: SubjectService, text: str, sides: Collection[Side]) -> None:
        self._service = service
        self._text = text
        self._sides = frozenset(sides)

    async def generate(self, rows: "Sequence[Row]") -> list[Reply]:
        """Samples one reply for each row, as `SubjectService` does; seeds are not touched."""
        replies = await self._service.generate(rows)
        return [
            reply.model_copy(update={"text": f"{reply.text} {self._text}"})
            if row.side in self._sides
            else reply
            for row, reply in zip(rows, replies, strict=True)
        ]

    async def run(self, work: "Callable[[ModelPair], T]") -> T:
        """Runs work that needs the models themselves, which nothing is put into."""
        return await self._service.run(work)


@solver
def injected(aim: PleaAim | None = None) -> Solver:
    """Puts the plea of a sample's metadata into the replies of its pair, after its set-up.

    Args:
        aim: Of all pleas; None takes it from the sample: to deny where something was planted, to
            claim where nothing was.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        name = str(state.metadata.get(PLEA_KEY, CLEAN))
        if name == CLEAN:
            return state
        session = held(state).session
        if session is None:
            raise DiffgaugeError("The set-up of this sample did not finish.")
        wanted: PleaAim = aim or ("deny" if state.metadata.get("null") == "none" else "claim")
        text = PLEAS[name].make(wanted)
        session.service = InjectedService(session.service, text, sides_of(wanted))
        return state

    return solve
