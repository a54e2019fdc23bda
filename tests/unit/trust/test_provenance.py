from __future__ import annotations

import json
from itertools import permutations

import pytest

from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository
from wpkg.trust.provenance import (
    ComposeInput,
    Connection,
    Project,
    Revision,
    Run,
    Source,
    component_provenance,
    compose_provenance,
)

AUTH = ComposeInput(
    "acme:auth",
    "component",
    Digest("sha256", "aa" * 32),
    Version.parse("1.2.0"),
    Source(Repository("ghcr.io", "acme/auth"), Digest("sha256", "bb" * 32), "1.2.0", ("keyB", "keyA")),
    "auth",
)
CORE = ComposeInput("acme:core", "root", Digest("sha256", "cc" * 32), Version.parse("0.9.0"))
LOCAL = ComposeInput("acme:kv", "local", Digest("sha256", "dd" * 32))
PLAN = (
    Connection("acme:core", "acme:auth/check@1.2.0", "acme:auth", "acme:auth/check@1.2.1"),
    Connection("acme:core", "wasi:keyvalue/store@0.2.0", "acme:kv", "wasi:keyvalue/store@0.2.0"),
    Connection("acme:auth", "wasi:keyvalue/store@0.2.0", "acme:kv", "wasi:keyvalue/store@0.2.0"),
)
SHOP = Project(
    PackageName.parse("acme:shop"),
    Version.parse("1.4.0"),
    {"wpkg.lock": Digest("sha256", "22" * 32), "wasmcloud.toml": Digest("sha256", "11" * 32)},
    "wasmcloud.toml",
    Revision("ab" * 20, "git+https://github.com/acme/shop@refs/tags/v1.4.0"),
    1764000000,
)
RUN = Run({"wpkg": "0.1.0", "componentize-py": "0.25.1"})


def test_a_composition_says_what_was_composed_from_what_and_how() -> None:
    assert compose_provenance(SHOP, [CORE, AUTH, LOCAL], PLAN, RUN, 1, {"root": "acme:core"}) == {
        "buildDefinition": {
            "buildType": "https://wpkg.dev/buildtypes/compose/v1",
            "externalParameters": {
                "package": "acme:shop",
                "version": "1.4.0",
                "project": "wasmcloud.toml",
                "strategy": "inferred",
            },
            "internalParameters": {
                "lockfileVersion": 1,
                "sourceDateEpoch": "1764000000",
                "decisions": {"root": "acme:core"},
                "plan": [
                    {
                        "import": "wasi:keyvalue/store@0.2.0",
                        "of": "acme:auth",
                        "satisfied-by": "acme:kv",
                        "export": "wasi:keyvalue/store@0.2.0",
                    },
                    {
                        "import": "acme:auth/check@1.2.0",
                        "of": "acme:core",
                        "satisfied-by": "acme:auth",
                        "export": "acme:auth/check@1.2.1",
                    },
                    {
                        "import": "wasi:keyvalue/store@0.2.0",
                        "of": "acme:core",
                        "satisfied-by": "acme:kv",
                        "export": "wasi:keyvalue/store@0.2.0",
                    },
                ],
            },
            "resolvedDependencies": [
                {
                    "name": "project",
                    "uri": "git+https://github.com/acme/shop@refs/tags/v1.4.0",
                    "digest": {"gitCommit": "ab" * 20},
                },
                {"name": "wasmcloud.toml", "digest": {"sha256": "11" * 32}},
                {"name": "wpkg.lock", "digest": {"sha256": "22" * 32}},
                {
                    "name": "acme:auth@1.2.0",
                    "uri": f"pkg:oci/auth@sha256:{'bb' * 32}?repository_url=ghcr.io/acme/auth&tag=1.2.0",
                    "digest": {"sha256": "aa" * 32},
                    "mediaType": "application/wasm",
                    "annotations": {
                        "role": "component",
                        "name": "acme:auth",
                        "label": "auth",
                        "manifestDigest": f"sha256:{'bb' * 32}",
                        "signers": ["keyA", "keyB"],
                    },
                },
                {
                    "name": "acme:core@0.9.0",
                    "digest": {"sha256": "cc" * 32},
                    "mediaType": "application/wasm",
                    "annotations": {"role": "root", "name": "acme:core"},
                },
                {
                    "name": "acme:kv",
                    "digest": {"sha256": "dd" * 32},
                    "mediaType": "application/wasm",
                    "annotations": {"role": "local", "name": "acme:kv"},
                },
            ],
        },
        "runDetails": {
            "builder": {
                "id": "https://wpkg.dev/builders/local/v1",
                "version": {"componentize-py": "0.25.1", "wpkg": "0.1.0"},
            }
        },
    }


def test_the_order_of_inputs_and_plan_does_not_matter() -> None:
    wanted = json.dumps(compose_provenance(SHOP, [AUTH, CORE, LOCAL], PLAN, RUN))
    for inputs, plan in zip(permutations([AUTH, CORE, LOCAL]), permutations(PLAN), strict=True):
        assert json.dumps(compose_provenance(SHOP, inputs, plan, RUN)) == wanted


def test_the_order_of_files_signers_and_versions_does_not_matter() -> None:
    project = Project(SHOP.package, SHOP.version, dict(sorted(SHOP.files.items())))
    shuffled = Project(SHOP.package, SHOP.version, dict(sorted(SHOP.files.items(), reverse=True)))
    run = Run(dict(sorted(RUN.versions.items())), metadata={"a": "1", "b": "2"})
    shuffled_run = Run(dict(sorted(RUN.versions.items(), reverse=True)), metadata={"b": "2", "a": "1"})
    assert json.dumps(component_provenance(project, "make", run)) == json.dumps(
        component_provenance(shuffled, "make", shuffled_run)
    )


def test_what_differs_between_equal_runs_is_left_out_unless_given() -> None:
    text = json.dumps(compose_provenance(SHOP, [AUTH], PLAN, RUN))
    assert not any(word in text for word in ("startedOn", "finishedOn", "invocationId", "metadata"))
    run = Run({"wpkg": "1"}, metadata={"startedOn": "2026-01-01T00:00:00Z", "invocationId": "urn:uuid:1"})
    assert compose_provenance(SHOP, [], [], run)["runDetails"]["metadata"] == {
        "invocationId": "urn:uuid:1",
        "startedOn": "2026-01-01T00:00:00Z",
    }


def test_a_component_says_which_command_built_it() -> None:
    project = Project(SHOP.package, SHOP.version, {"wasmcloud.toml": Digest("sha256", "11" * 32)})
    assert component_provenance(project, "cargo component build", RUN) == {
        "buildDefinition": {
            "buildType": "https://wpkg.dev/buildtypes/component/v1",
            "externalParameters": {
                "package": "acme:shop",
                "version": "1.4.0",
                "buildCommand": "cargo component build",
            },
            "resolvedDependencies": [{"name": "wasmcloud.toml", "digest": {"sha256": "11" * 32}}],
        },
        "runDetails": {
            "builder": {
                "id": "https://wpkg.dev/builders/local/v1",
                "version": {"componentize-py": "0.25.1", "wpkg": "0.1.0"},
            }
        },
    }


def test_a_component_names_the_commit_when_there_is_one() -> None:
    project = Project(SHOP.package, SHOP.version, {}, revision=Revision("cd" * 20), source_date_epoch=7)
    definition = component_provenance(project, "make", RUN)["buildDefinition"]
    assert definition["resolvedDependencies"] == [{"name": "project", "digest": {"gitCommit": "cd" * 20}}]
    assert definition["internalParameters"] == {"sourceDateEpoch": "7"}


@pytest.mark.parametrize(
    ("registry", "path", "tag", "purl"),
    [
        ("ghcr.io", "acme/auth", None, "pkg:oci/auth@{}?repository_url=ghcr.io/acme/auth"),
        ("127.0.0.1:5000", "a/b/c", "1.0.0_x", "pkg:oci/c@{}?repository_url=127.0.0.1:5000/a/b/c&tag=1.0.0_x"),
        ("[::1]:5000", "app", "1", "pkg:oci/app@{}?repository_url=%5B::1%5D:5000/app&tag=1"),
    ],
)
def test_a_package_url_names_repository_digest_and_tag(
    registry: str, path: str, tag: str | None, purl: str
) -> None:
    manifest = Digest("sha256", "ee" * 32)
    assert Source(Repository(registry, path), manifest, tag).purl == purl.format(manifest)
