"""Options that come from JSON: declared once, checked, refused with words.

Whatever can be set is a field of a subclass of ``Options``, with its range, default and a
description; what is not declared is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from offspec.errors import OptionError


class Options(BaseModel):
    """What can be set; a subclass lists it with ranges, defaults and words."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def parse_options(model: type[Options], given: Mapping[str, Any] | None, where: str) -> Options:
    """Options as the detector declares them, defaults filled in.

    Args:
        model: The declaration.
        given: Names and values, as in a JSON file.
        where: Whose they are, for messages.

    Raises:
        OptionError: An unknown name, a wrong type, or a value out of range.
    """
    try:
        return model.model_validate(dict(given or {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(_declaring(model, first["loc"][:-1]).model_fields)) or "none"
            raise OptionError(
                f"{where} has no option '{name}'. Known: {known}. Correct the name or leave it out."
            ) from error
        words = str(first["msg"])
        raise OptionError(
            f"Option '{name}' of {where} is {repr(first['input'])[:80]}. "
            f"{words[:1].upper()}{words[1:]}. Give another value."
        ) from error


def _declaring(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """The declaration that the last name of a path belongs to."""
    for part in path:
        field = model.model_fields.get(str(part))
        inner = None if field is None else field.annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return model
        model = inner
    return model
