from __future__ import annotations

from wpkg.names.package_name import PackageName
from wpkg.names.requirement import Requirement
from wpkg.oci.reference import Repository
from wpkg.project.edit import DependencyLine, set_dependency

TEXT = """# a project
name    = "app"   # odd   spacing
version = "0.1.0"

[dependencies]   # what it needs
"a:b" = "1" # why
"c:d" = { version = "1", link = "runtime" }

[dev]
x = 1
"""
NAME = PackageName.parse("e:f")
REQUIREMENT = Requirement.parse("^0.1")


def test_one_line_is_added_and_nothing_else_changes() -> None:
    assert set_dependency(TEXT, NAME, REQUIREMENT).replace('"e:f" = "^0.1"\n', "") == TEXT


def test_a_line_that_is_there_keeps_its_place_and_its_other_keys() -> None:
    changed = set_dependency(TEXT, PackageName.parse("c:d"), REQUIREMENT)
    assert changed == TEXT.replace('version = "1", link', 'version = "^0.1", link')
    changed = set_dependency(TEXT, PackageName.parse("a:b"), REQUIREMENT)
    assert changed == TEXT.replace('"a:b" = "1" # why', '"a:b" = "^0.1" # why')


def test_a_table_is_made_where_there_is_none() -> None:
    assert set_dependency('name = "x"\n', NAME, REQUIREMENT) == 'name = "x"\n\n[dependencies]\n"e:f" = "^0.1"\n'


def test_an_explicit_repository_is_written_beside_the_requirement() -> None:
    text = set_dependency(TEXT, NAME, REQUIREMENT, DependencyLine(Repository.parse("ghcr.io/x/y")))
    assert '"e:f" = {version = "^0.1", oci = "ghcr.io/x/y"}\n' in text
