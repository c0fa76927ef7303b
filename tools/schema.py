"""Typed parameters as an investigator sees them, and its arguments as they are checked."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from inspect_ai.tool import ToolParams
from inspect_ai.util import JSONSchema
from pydantic import ValidationError

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.subjects import Side
from diffgauge.tools.blinding import Aliases

__all__ = ["parsed", "side_fields", "tool_params", "without_nulls"]

P = TypeVar("P", bound=Record)

_SHOWN_ERRORS = 5


def side_fields(parameters: type[Record]) -> list[str]:
    """Returns the fields that name a model: those annotated ``Side`` or ``Side | None``."""
    found: list[str] = []
    for name, info in parameters.model_fields.items():
        annotation: Any = info.annotation
        if annotation == Side or Side in get_args(annotation):
            found.append(name)
    return found


def tool_params(parameters: type[Record], aliases: Aliases) -> ToolParams:
    """Returns the JSON schema of a tool's parameters.

    Args:
        parameters: Every field has a description; fields that name a model are shown with the
            run's names as the only values.
        aliases: The run's names.
    """
    schema = parameters.model_json_schema()
    definitions = schema.get("$defs", {})
    properties = {
        name: JSONSchema.model_validate(_plain(_inlined(inner, definitions)))
        for name, inner in schema.get("properties", {}).items()
    }
    for name in side_fields(parameters):
        properties[name] = JSONSchema(
            type="string", enum=list(aliases.labels), description=properties[name].description
        )
    return ToolParams(properties=properties, required=schema.get("required", []))


def without_nulls(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns arguments without those that are null, at any depth; items of lists stay.

    Some providers make a model send every argument, null for what it would leave out. What is
    required is then missing, and refused as that.
    """
    return {name: _without_nulls(value) for name, value in arguments.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_nulls(value)
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def parsed(parameters: type[P], arguments: Mapping[str, Any], aliases: Aliases) -> P:
    """Checks an investigator's arguments.

    Args:
        parameters: What they must fit.
        arguments: As they came, with the run's names for models.
        aliases: The run's names.

    Returns:
        The parameters, with sides.

    Raises:
        DiffgaugeError: They do not fit; every field that does not is named with what is allowed.
    """
    values = dict(arguments)
    for name in side_fields(parameters):
        if isinstance(values.get(name), str):
            values[name] = aliases.side(values[name])
    try:
        return parameters.model_validate(values)
    except ValidationError as error:
        raise _refusal(parameters, error) from error


def _refusal(parameters: type[Record], error: ValidationError) -> DiffgaugeError:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    told = [
        f"{_place(item['loc'])}: {item['msg'].replace('Tuple', 'List')}"
        for item in wrong[:_SHOWN_ERRORS]
    ]
    if len(wrong) > _SHOWN_ERRORS:
        told.append(f"and {len(wrong) - _SHOWN_ERRORS} more")
    return DiffgaugeError(
        f"The arguments do not fit. {'; '.join(told)}.",
        allowed=f"the arguments {', '.join(parameters.model_fields) or '(none)'} "
        "as the tool's schema describes them",
    )


def _place(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location) or "arguments"


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Replaces references by what they refer to: providers differ in what they resolve."""
    if isinstance(schema, list):
        return [_inlined(inner, definitions) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        merged = definitions[name] | {k: v for k, v in schema.items() if k != "$ref"}
        return _inlined(merged, definitions)
    return {key: _inlined(inner, definitions) for key, inner in schema.items()}


def _plain(schema: Any) -> Any:
    """Leaves out what makes refusals hard to read; `parsed` still checks it.

    Inspect checks arguments against the schema before we do. Its refusal of a text that is too
    long repeats the text, and its refusal under alternatives does not say what they are. That an
    argument may be null is not shown: `without_nulls` takes such an argument as omitted.
    """
    if isinstance(schema, list):
        return [_plain(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _plain(inner) for key, inner in schema.items() if key not in {"minLength", "maxLength"}
    }
    if "anyOf" in kept:
        kinds = [kind for kind in kept.pop("anyOf") if kind != {"type": "null"}]
        kept |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return kept
