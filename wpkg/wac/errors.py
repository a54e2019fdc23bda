"""What is wrong with a document: all that was found, in the order of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.errors import InvalidInput
from wpkg.wit.errors import InvalidWit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.errors import CompositionError
    from wpkg.wit.errors import Span

MAX_ERRORS = 20  # that are looked for in one document


class InvalidDocument(InvalidInput):
    """A document with several faults; one alone is raised as what it is."""

    def __init__(self, errors: Sequence[InvalidWit]) -> None:
        file = errors[0].file or "the document"
        told = [part for error in errors for part in (str(error), *_indented(error.hint))]
        super().__init__(f"{file} has {len(errors)} errors", hint="\n".join(("they are", *told)))
        self.errors = tuple(errors)

    @property
    def details(self) -> Mapping[str, Any]:
        """Each of them, as JSON."""
        return {
            "errors": [{"message": error.message, "hint": error.advice, **error.details} for error in self.errors]
        }


def _indented(text: str | None) -> list[str]:
    return [f"    {line}" for line in (text or "").splitlines()]


def raise_all(errors: Sequence[InvalidWit]) -> None:
    """Raises: the error where it is the only one, InvalidDocument for several."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise InvalidDocument(errors)


class InvalidExpression(InvalidWit):
    """An expression that cannot stand where it stands."""


class MissingArgument(InvalidWit):
    """An instance is made without all that it needs."""


def placed(error: CompositionError, span: Span) -> CompositionError:
    """The same error, said to lie at `span`, with the line shown in its hint."""
    line, column = span.source.position(span.start)
    error.hint = "\n".join(filter(None, (error.hint or f"see line {line}", span.underlined())))
    found: CompositionError = error.within(f"{span.source.name}:{line}:{column}")
    return found
