from __future__ import annotations

import pytest

from wpkg.errors import InvalidInput
from wpkg.names.choice import Choice
from wpkg.names.package_name import PackageName
from wpkg.project.project_file import InvalidProjectFile, read_project

LEAST = 'name = "app"\nversion = "0.1.0"\nlanguage = "python"\ntype = "component"\n'

FULL = (
    LEAST
    + """
revision = 3
[component]
wit_world = "w"
build_command = "make it"
build_artifact = "out/app.wasm"
[package]
name = "acme:app"
[registries]
default = "ghcr.io/acme"
wasm-pay = "127.0.0.1:5000/demo"
bare = "127.0.0.1:5000"
[dependencies]
"wasm-pay:messaging-harness" = "^0.1"
"acme:audit" = { version = "1", oci = "ghcr.io/acme-corp/audit" }
"acme:billing" = { version = "2", link = "runtime" }
[composition]
root = "wasm-pay:messaging-harness"
output = "out/all.wasm"
[composition.imports]
"a:b/c@0.1.0" = "acme:app"
"acme:audit / wasi:keyvalue/store@0.2.0" = "acme:kv"
[overrides]
"my:dep" = { path = "x" }
"""
)


def test_the_example_of_the_reference_is_read() -> None:
    project = read_project(FULL)
    audit = project.dependency(PackageName.parse("acme:audit"))
    assert audit is not None
    assert str(audit.oci) == "ghcr.io/acme-corp/audit"
    assert [d.link for d in project.dependencies] == ["build", "build", "runtime"]
    assert project.composition.imports == (
        Choice(None, "a:b/c@0.1.0", "acme:app"),
        Choice("acme:audit", "wasi:keyvalue/store@0.2.0", "acme:kv"),
    )
    assert (project.build_artifact, project.composed_output) == ("out/app.wasm", "out/all.wasm")


def test_defaults_are_those_of_wash() -> None:
    project = read_project(LEAST)
    assert project.build_artifact == "build/app.wasm"
    assert project.composed_output == "build/app.composed.wasm"
    assert project.build_command is None


@pytest.mark.parametrize(
    ("package", "repository"),
    [
        ("wasm-pay:x", "127.0.0.1:5000/demo/wasm-pay/x"),
        ("bare:x", "127.0.0.1:5000/bare/x"),
        ("other:x", "ghcr.io/acme/other/x"),
    ],
)
def test_a_namespace_comes_from_its_own_line_else_from_the_default(package: str, repository: str) -> None:
    assert str(read_project(FULL).registries.repository(PackageName.parse(package))) == repository


def test_without_a_registry_for_a_namespace_the_line_to_write_is_shown() -> None:
    with pytest.raises(InvalidProjectFile, match="no registry is configured for the namespace 'acme'") as caught:
        read_project(LEAST).registries.repository(PackageName.parse("acme:x"))
    assert caught.value.hint is not None
    assert "[registries]\nacme = " in caught.value.hint


def test_the_registry_of_wash_is_the_default_when_there_is_no_other() -> None:
    project = read_project(LEAST + '[registry]\nurl = "ghcr.io/wash"\n')
    assert project.registries.default == "ghcr.io/wash"
    both = read_project(LEAST + '[registry]\nurl = "ghcr.io/wash"\n[registries]\ndefault = "ghcr.io/ours"\n')
    assert both.registries.default == "ghcr.io/ours"


@pytest.mark.parametrize("table", ["composition", "compose", "component.compose"])
def test_the_spellings_of_the_2025_proposal_are_read(table: str) -> None:
    composition = read_project(
        LEAST + f'[{table}]\nsocket = "../h.wasm"\ncomponents = ["../h.wasm"]\n'
    ).composition
    assert (composition.root, composition.components) == ("../h.wasm", ("../h.wasm",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name =", "not valid TOML"),
        ('version = "0.1.0"', "name: it is missing"),
        (LEAST.replace("0.1.0", "1"), "version: '1' is not a version"),
        (LEAST.replace('"component"', '"provider"'), "type: it is 'provider'"),
        (LEAST + '[dependencies]\n"x" = "1"', "'x' is not a package name"),
        (LEAST + '[dependencies]\n"a:b" = "one"', "'one' is not a version requirement"),
        (LEAST + '[dependencies]\n"a:b" = 1', 'dependencies."a:b": it is neither a string nor a table'),
        (LEAST + '[dependencies]\n"a:b" = { oci = "x.io/a" }', "version: it is missing"),
        (
            LEAST + '[dependencies]\n"a:b" = { version = "1", link = "late" }',
            "link: it is not 'build' or 'runtime'",
        ),
        (
            LEAST + '[dependencies]\n"a:b" = { version = "1", verison = "1" }',
            "verison: it is not a key that wpkg knows",
        ),
        (LEAST + '[dependencies]\n"a:b" = { path = "../x", oci = "x.io/y" }', "path: it cannot stand beside oci"),
        (LEAST + '[dependencies]\n"a:b" = { path = "/x" }', "path: it is not a path from the project's folder"),
        (LEAST + '[dependencies]\n"a:b" = { link = "build" }', "version: it is missing"),
        (
            LEAST + '[dependencies]\n"a:b" = { version = "1", kind = "wat" }',
            "kind: it is not 'component' or 'wit'",
        ),
        (LEAST + '[registries]\na = "dir:/x"', "an absolute path"),
        (LEAST + '[dependencies]\n"a:b" = { version = "1", oci = "dir:/x" }', "an absolute path"),
        (LEAST + '[registries]\na = "https://x.io"', "is not a repository"),
        (LEAST + '[registries]\na = "X.io/Y"', "is not a repository"),
        (LEAST + "[composition]\nrot = 'x'", "composition.rot: it is not a key"),
        (LEAST + "[composition]\nshare-modules = 1", "share-modules: it is not true or false"),
        (
            LEAST + '[composition.imports]\n"a:b/c" = " / x"',
            "composition.imports: 'a:b/c= / x' is not of the form",
        ),
        (LEAST + "[capabilities]\nalow = []", "capabilities.alow: it is not a key"),
        (LEAST + "[capabilities]\nallow = 'wasi:cli/*'", "capabilities.allow: it is not an array of strings"),
        (
            LEAST + "[capabilities]\nallow = ['wasi:cli/e*']",
            "capabilities.allow: 'wasi:cli/e\\*' is not a pattern",
        ),
        (LEAST + "[capabilities]\ndenied = 'ask'", "capabilities.denied: it is not 'refuse' or"),
        (LEAST + "[capabilities.'a:b']\nallowed = []", 'capabilities."a:b".allowed: it is not a key'),
        (
            LEAST + "[dependencies]\n'a:b' = { version = '1', target = 'x' }",
            '"a:b".target: it is about a link at run time',
        ),
        (
            LEAST + "[dependencies]\n'a:b' = { version = '1', name = 'x' }",
            '"a:b".name: it is about a link at run time',
        ),
        (
            LEAST + "[dependencies]\n'a:b' = { version = '1', link = 'runtime', kind = 'wit' }",
            '"a:b".target: it is missing',
        ),
        (
            LEAST + "[dependencies]\n'a:b' = { version = '1', link = 'runtime', target = 'A b' }",
            "\"a:b\".target: 'A b' is not a name that a deployment can have",
        ),
        (LEAST + "[composition]\nchain = ['a:b', 'a:b']", "composition.chain: it names one twice"),
        (LEAST + "[composition.config]\nretries = 3", "composition.config.retries: it is not a string"),
        (LEAST + "[package]\nnom = 'x'", "package.nom: it is not a key"),
        (LEAST + "[package]\nname = 'app'", "package.name: 'app' is not a package name"),
        (LEAST + "component = 1", "component: it is not a table"),
    ],
)
def test_mistakes_name_the_key(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        read_project(text)
    assert str(caught.value).startswith("wasmcloud.toml: ")


def test_a_misspelled_key_gets_the_nearest_one() -> None:
    with pytest.raises(InvalidProjectFile) as caught:
        read_project(LEAST + "[composition]\noutptu = 'x'")
    assert caught.value.hint == "did you mean 'output'?"


def test_tables_of_others_are_not_policed() -> None:
    assert read_project(LEAST + "[dev]\nanything = 1\n[rust]\ncargo = true\n[unknown]\nx = 1\n").name == "app"


def test_a_link_at_run_time_says_what_is_behind_it() -> None:
    line = "{ version = '2', link = 'runtime', kind = 'wit', target = 'billing', name = 'eu', interfaces = ['a:b/c'] }"
    [billing] = read_project(f"{LEAST}[dependencies]\n'a:b' = {line}").dependencies
    assert (billing.link, billing.kind, billing.target, billing.link_name) == ("runtime", "wit", "billing", "eu")
    assert billing.interfaces is not None
    assert [str(pattern) for pattern in billing.interfaces] == ["a:b/c"]


def test_a_chain_keeps_its_order_and_configuration_may_be_empty() -> None:
    read = read_project(LEAST + "[composition]\nchain = ['b:x', 'a:x']\n[composition.config]\nregion = ''")
    assert read.composition.chain == ("b:x", "a:x")
    assert read.composition.config == {"region": ""}
