"""Identities and what stands for them."""

from __future__ import annotations

from wpkg.component.substitute import Substitution
from wpkg.component.types import Alias, Resource


def test_an_alias_of_a_type_does_not_stand_for_it() -> None:
    """They would stand for each other without end."""
    resource = Resource("r")
    alias = Alias(Alias(resource, "use"), "again")
    by = Substitution()
    by.bind(resource, alias)
    assert by.root(resource) is resource
    assert by.root(alias) is resource


def test_what_stands_for_a_type_already_cannot_be_replaced_by_it() -> None:
    first, second = Resource("first"), Resource("second")
    by = Substitution()
    by.bind(first, Alias(second, "use"))
    by.bind(second, Alias(first, "use"))
    assert by.root(first) is by.root(second) is second
