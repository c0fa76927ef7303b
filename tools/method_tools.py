"""A method's overview and operations as tools: made, not written by hand for each method."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from inspect_ai.tool import Tool

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.method import FreeOperation, Method, PaidOperation
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.results import Result
from diffgauge.tools.calling import NoParameters, result_tool
from diffgauge.tools.session import Session

__all__ = ["method_tools"]


def method_tools(
    session: Session, method: Method, artifact: Artifact, *, paid: bool = True
) -> list[Tool]:
    """Returns the tools of one method on one artifact: the overview first, then its operations.

    Args:
        session: The run; its usage counts the replies the artifact was built from.
        method: Whose artifact it is.
        artifact: What the tools read.
        paid: Whether operations that sample subject models are among them.

    Raises:
        DiffgaugeError: The method cannot hide which model is which, and this run must.
        LeakError: A description tells what must stay hidden.
    """
    if method.sides_known and session.aliases.blinded:
        raise DiffgaugeError(
            f"The method {method.name} cannot be shown without telling which model is which.",
            allowed="runs that are not blinded (blind=false)",
        )
    session.usage.precompute_interactions = artifact.header.precompute_interactions
    overview = method.overview(artifact)

    async def show(_: NoParameters) -> Sequence[Result]:
        return overview

    tools = [
        result_tool(
            session,
            name=f"{method.name}_overview",
            description="What was precomputed about the two models, summed up. Free.",
            parameters=NoParameters,
            work=show,
        )
    ]
    for operation in method.operations(artifact):
        if isinstance(operation, FreeOperation):
            work = _free(operation, artifact)
        elif paid:
            work = _paid(operation, artifact, session)
        else:
            continue
        tools.append(
            result_tool(
                session,
                name=operation.name,
                description=operation.description,
                parameters=operation.parameters,
                work=work,
            )
        )
    return tools


Work = Callable[[Record], Awaitable[Sequence[Result]]]


def _free(operation: FreeOperation[Any], artifact: Artifact) -> Work:
    async def work(parameters: Record) -> Sequence[Result]:
        return operation.run(artifact, parameters)

    return work


def _paid(operation: PaidOperation[Any], artifact: Artifact, session: Session) -> Work:
    async def work(parameters: Record) -> Sequence[Result]:
        cost = operation.cost(artifact, parameters)
        session.budget.charge(cost)
        session.paid_calls[operation.name] += 1
        seed = derived_seed(session.seed, operation.name, session.paid_calls[operation.name])
        try:
            outcome = await session.service.run(
                lambda pair: operation.run(pair, artifact, parameters, seed)
            )
        except DiffgaugeError:
            session.budget.refund(cost)
            raise
        session.usage.subject_tokens += outcome.subject_tokens
        return outcome.results

    return work
