"""What every message on the wire shares: frozen, strict, no unknown field, told apart by `type`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from edge_agent import limits


class Message(BaseModel):
    """A value on the wire. Subclasses carry a `type` literal and an EXAMPLE that must round-trip."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )
    EXAMPLE: ClassVar[dict[str, Any]]


class Part(BaseModel):
    """A value inside a message; the same rules, no `type`."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


Identifier = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:\-]*$", max_length=limits.ID_CHARS_MAX)
]
"""An id made by a program: letters, digits, '.', '_', ':' and '-'."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=limits.NAME_CHARS_MAX)]
"""A name that people use."""

Reason = Annotated[str, StringConstraints(max_length=limits.REASON_CHARS_MAX)]
"""Somebody's words about why."""

Epoch = Annotated[int, Field(ge=0)]
"""Counts the node's starts; a message of a lower epoch is from before a restart and is dropped."""

Milliseconds = Annotated[float, Field(ge=0)]

JsonAction = dict[str, Any]
"""One action of a pack: {"action": NAME, slot: value, …}. The pack's schema checks it, not the envelope's."""
