"""Fields of configs: plain data, checked against their types where they are set."""

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import wraps
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, dataclass_transform, get_args, get_origin

from iai.types import Task, UserError

Kind = TypeVar("Kind")


class Bounds(NamedTuple):
    """The least and the largest value of a number."""

    least: float
    most: float = math.inf

    def __str__(self) -> str:
        return f"{self.least:,} or more" if self.most == math.inf else f"from {self.least:,} to {self.most:,}"


Size = Annotated[int, Bounds(1)]
"""How many of something that there must be."""
Count = Annotated[int, Bounds(0)]
"""How many of something that there may be."""
Seed = Annotated[int, Bounds(0, 2**31 - 1)]
"""A seed: PyTorch's generator on the CPU reads no more than 32 bits."""
Share = Annotated[float, Bounds(0, 1)]
"""A part of a whole."""
Amount = Annotated[float, Bounds(0)]
"""A number that is not negative."""


def recorded(*, default: Any, name: str = "", omitted: bool = False) -> Any:
    """A config field with another `name` in JSON, or left out at its default, so that hashes of old records hold."""
    return field(default=default, metadata={"name": name, "omitted": omitted})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, recorded))
def config(kind: type[Kind]) -> type[Kind]:
    """A frozen dataclass whose fields are given by name and are what their types say: else a `UserError`.

    Fields are checked before the class's own `__post_init__`.
    """
    further = getattr(kind, "__post_init__", lambda self: None)

    @wraps(further)
    def __post_init__(self: Any) -> None:
        for one in fields(self):
            what = f"{type(self).__name__}.{one.name}"
            object.__setattr__(self, one.name, checked(what, getattr(self, one.name), one.type))
        further(self)

    kind.__post_init__ = __post_init__  # type: ignore[attr-defined]
    kind.__no_type_check__ = True  # type: ignore[attr-defined]  # tests check types at run time, and would come first
    return dataclass(frozen=True, kw_only=True)(kind)


def checked(what: str, value: Any, hint: Any) -> Any:
    """The value if it is of a type, lists as tuples and integers of NumPy as `int`; else a `UserError` names `what`."""
    if type(value) is hint and hint is not float:  # as nearly all are; a float may be none that is finite
        return value
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        value = checked(what, value, parts[0])
        if not parts[1].least <= value <= parts[1].most:
            raise UserError(f"{what} = {value!r}: choose {parts[1]}")
        return value
    if origin is Literal and not (isinstance(value, str) and value in parts):
        raise unknown(what, value, parts)
    if origin in (Union, UnionType):
        kind = next((part for part in parts if _fits(value, part)), parts[0])
        return checked(what, value, kind)
    if origin is tuple and isinstance(value, list | tuple):
        kinds = parts[:1] * len(value) if parts[-1] is ... else parts
        if len(kinds) != len(value):
            raise UserError(f"{what} = {value!r}: it has {len(kinds)} entries")
        return tuple(checked(f"{what}[{i}]", entry, kind) for i, (entry, kind) in enumerate(zip(value, kinds)))
    if not _fits(value, hint):
        words = {int: "an integer", float: "a finite number", bool: "True or False", str: "text", tuple: "a tuple"}
        name = words.get(origin or hint) or getattr(hint, "__name__", str(hint))
        raise UserError(f"{what} = {value!r:.60}: it must be {name}")
    if hint is float and not isinstance(value, int | float):  # a number of NumPy, which JSON has not
        return float(value)
    return int(value) if hint is int else value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, as far as its outermost part says."""
    hint = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if hint in (int, float):
        number = isinstance(value, Integral if hint is int else Real) and not isinstance(value, bool)
        return number and math.isfinite(value)
    if hint is Task:
        return not isinstance(value, type) and all(hasattr(value, name) for name in ("dx", "dy", "loss", "sample"))
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    kind = NoneType if hint is None else get_origin(hint) or hint
    return kind is Any or not isinstance(kind, type) or isinstance(value, kind)


def unknown(what: str, name: Any, known: Iterable[Any]) -> UserError:
    """The error for a name that is not known: one line with the near matches, else with all that there is."""
    names = [str(one) for one in known]
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5) or names
    shown = ", ".join(close[:8]) + (", …" if len(close) > 8 else "")
    return UserError(f"unknown {what} {name!r}: {'did you mean' if len(close) < len(names) else 'there is'} {shown}")
