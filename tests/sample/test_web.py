"""The sample over HTTP: what was built, published and written, and what a host that others wrote answered with it."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.components import wasm_tools, world
from tests.sample.conftest import REPOSITORY, SAMPLE, Answer, wpkg
from tests.shim_process import running_shim
from tests.vectors.test_ascription import ascribed, complaint, type_of
from tests.workflow.test_manifest import check_document, found_images
from wpkg.oci.digest import Digest
from wpkg.project.lockfile import read_lock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sample.conftest import WebRun
    from wpkg.project.lockfile import LockedPackage

pytestmark = [pytest.mark.sample, pytest.mark.xdist_group("sample-web")]

PLATFORM = ("post-gate", "caller-gate", "web-harness")
HANDLER = "wasi:http/incoming-handler@0.2.0"


@pytest.fixture
def project(web: WebRun, tmp_path: Path) -> Path:
    """The bank's project as it was left, with a cache that has what it locks."""
    shutil.copytree(web.project, tmp_path / "eur-validator")
    shutil.copytree(web.folder / "author-cache", tmp_path / ".cache" / "wpkg")
    return tmp_path / "eur-validator"


# --- what the host answered ----------------------------------------------------------------------


def test_requests_go_through_the_chain_to_the_bank_and_back(web: WebRun) -> None:
    """Not a POST, and from nobody: the outer gate is first. Nobody, somebody else: the inner one. Then the bank."""
    assert web.code == 0, web.out
    assert web.digests["answers"] == [405, 403, 403, 200, 422, 400, 500, 200]


def test_the_service_that_is_linked_at_run_time_keeps_every_decision(web: WebRun) -> None:
    """The numbers in the answers are of what it has put into the host's key-value store, and no other."""
    assert web.digests["entries"] == {
        "entry-1": "t-1: accepted",
        "entry-2": "t-2: refused: 1999 USD",
        "entry-3": "t-4: accepted",
    }
    said = [line.rpartition("->")[2].split(maxsplit=1)[1] for line in web.out.splitlines() if ", entry " in line]
    assert said == ["accepted, entry 1", "refused: 1999 USD, entry 2", "accepted, entry 3"]


def test_the_host_ran_what_the_manifest_says(web: WebRun) -> None:
    configured = json.loads((web.folder / "host" / ".wash" / "config.json").read_text())["dev"]
    spec = yaml.safe_load((web.project / "workload.yaml").read_text())["spec"]["template"]["spec"]
    assert [part["image"] for part in configured["components"]] == [spec["components"][1]["image"]]
    assert configured["host_interfaces"] == spec["hostInterfaces"]
    served = (web.folder / "host" / "component.wasm").read_bytes()
    assert served == web.composed.read_bytes()
    assert spec["components"][0]["image"].endswith(f"@{web.digests['composed']}")


# --- what was composed ---------------------------------------------------------------------------


def test_what_is_left_to_the_host_is_allowed_or_linked(web: WebRun) -> None:
    wasm_tools("validate", "--features", "all", str(web.composed))
    before, after = world(web.raw.read_bytes()), world(web.composed.read_bytes())
    assert sum("wasi:sockets/" in line for line in before) == 7
    assert not any("wasi:sockets/" in line or "wasi:config/" in line or "validation" in line for line in after)
    assert "import wasm-pay:audit/log@0.1.0" in after
    assert [line for line in after if "wasi:http/" in line] == [
        "import wasi:http/types@0.2.9",
        f"export {HANDLER}",
    ]
    assert after[-1] == f"export {HANDLER}"


def test_the_components_are_of_the_types_that_the_reader_finds(web: WebRun) -> None:
    paths = [web.composed, *(web.folder / name / "build" / "gate.wasm" for name in PLATFORM[:2])]
    paths.append(web.folder / "audit-log" / "build" / "audit_log.wasm")
    found = {str(path): path.read_bytes() for path in paths}
    assert complaint(ascribed({name: (data, type_of(data)) for name, data in found.items()})) == ""


def test_who_opens_a_socket_stops_and_who_does_not_is_answered(web: WebRun, tmp_path: Path) -> None:
    """The validator alone, in wasmtime: the denial is inside, and everything else works beside it."""
    shutil.copytree(web.project, tmp_path / "alone", ignore=shutil.ignore_patterns("wpkg.lock", ".wpkg"))
    file = tmp_path / "alone" / "wasmcloud.toml"
    kept = file.read_text().partition("[trust]")[0]
    file.write_text(f'{kept}[capabilities]\ndeny = ["wasi:sockets/*"]\ndenied = "trap"\n')
    built = wpkg(tmp_path / "alone", tmp_path, "build", "--compose", "--no-build")
    assert built.code == 0, built.err

    def validated(currency: str) -> Answer:
        arguments = json.dumps([{"id": "t", "amount": 1, "currency": currency}])
        return wpkg(
            tmp_path / "alone", tmp_path, "call", "build/eur_validator.composed.wasm", "validate", arguments
        )

    assert [json.loads(validated(currency).out) for currency in ("EUR", "USD")] == [True, False]
    stopped = validated("DKK")
    assert (stopped.code, stopped.out) == (1, "")
    assert stopped.err.endswith("the component stopped: wasm trap: wasm `unreachable` instruction executed\n")
    assert "Traceback" not in stopped.err, "it is not Python that stopped"


def test_composing_and_publishing_again_gives_the_same_digests(web: WebRun, tmp_path: Path) -> None:
    """From the built files on, on an empty registry, for another user, in another folder."""
    with running_shim(tmp_path / "registry") as address:
        for name in (*PLATFORM, "audit-log", "eur-validator"):
            shutil.copytree(
                web.folder / name,
                tmp_path / name,
                ignore=shutil.ignore_patterns("wpkg.lock", "*.composed.wasm", ".wpkg"),
            )
            file = tmp_path / name / "wasmcloud.toml"
            file.write_text(file.read_text().replace(web.digests["registry"], address))

        def pushed(name: str, key: str) -> Any:
            answer = wpkg(tmp_path / name, tmp_path, "push", "--key", str(web.folder / f"{key}.key"), "--json")
            assert answer.code == 0, answer.err
            return {artifact["kind"]: artifact["manifest"] for artifact in answer.document["artifacts"]}

        for name in PLATFORM:
            pushed(name, "platform")
        pushed("audit-log", "audit")
        built = wpkg(tmp_path / "eur-validator", tmp_path, "build", "--compose", "--no-build")
        assert built.code == 0, built.err
        assert pushed("eur-validator", "bank") == {kind: web.digests[kind] for kind in ("raw", "composed")}


def test_a_build_where_nothing_changed_does_nothing(project: Path, tmp_path: Path) -> None:
    """After an update that was refused and one that was taken back, too."""
    build = ["build", "--compose", "--no-build", "--offline", "--locked", "--json"]
    answer = wpkg(project, tmp_path, *build)
    assert answer.code == 0, answer.err
    assert (answer.document["raw"]["changed"], answer.document["composed"]["changed"]) == (False, False)


def test_the_picture_in_the_documentation_is_of_this_composition(project: Path, tmp_path: Path) -> None:
    """With '-o ../../docs/images/wasm-pay-web.svg' it is new."""
    answer = wpkg(project, tmp_path, "graph", "--offline", "--locked", "--no-digests", "-o", "made.svg")
    assert answer.code == 0, answer.err
    kept = REPOSITORY / "docs" / "images" / "wasm-pay-web.svg"
    assert kept.read_text() == (project / "made.svg").read_text()


def test_an_operator_is_told_why_it_may_have_what_it_needs(web: WebRun) -> None:
    """By the rules of the project, for what is published, from whom the project trusts."""
    told = web.out.partition("== the operator verifies")[2].partition("== the company")[0]
    reasons = dict(re.findall(r"^ {2}(\S.*?): (.*)$", told, re.MULTILINE))
    assert reasons["linked at run time"] == "wasm-pay:audit/log"
    assert reasons["allowed by 'wasi:http/*'"] == "wasi:http/types"
    assert len(reasons) == 7
    assert all(because.startswith(("allowed by", "linked")) for because in reasons)


# --- what was published, and what deploys it -----------------------------------------------------


def test_all_that_was_published_is_signed_by_whom_it_is_from(web: WebRun, tmp_path: Path) -> None:
    shutil.copytree(web.folder / "registry", tmp_path / "registry")
    with running_shim(tmp_path / "registry") as address:

        def verified(name: str, key: str) -> Answer:
            reference = f"{address}/demo/wasm-pay/{name}"
            return wpkg(tmp_path, tmp_path, "verify", reference, "--key", str(web.folder / f"{key}.pub"), "--json")

        signed = [(f"{name}:0.1.0", "platform") for name in PLATFORM]
        signed += [("audit-log:0.1.0", "audit"), ("eur-validator:0.1.0_raw", "bank")]
        for name, key in signed:
            answer = verified(name, key)
            assert (answer.code, answer.document["verification"]["state"]) == (0, "verified"), answer
        assert verified("eur-validator:0.1.0_raw", "platform").code == 5
        inputs = verified("eur-validator:0.1.0", "bank").document["inputs"]
    made_of = [
        *PLATFORM,
        "eur-validator",
        "caller-gate (configuration)",
        "eur-validator (denied)",
        "web-harness (denied)",
    ]
    assert len(inputs) == len(made_of)
    for part in made_of:
        assert any(f"wasm-pay:{part}" in text for text in inputs), part


@pytest.mark.parametrize("target", ["wadm", "workload"])
def test_the_manifests_are_valid_and_name_everything_by_digest(web: WebRun, target: str) -> None:
    document = yaml.safe_load((web.project / f"{target}.yaml").read_text())
    check_document(target, document)
    images = [image.removeprefix(f"{web.digests['registry']}/") for image in found_images(document)]
    [audit] = [package for package in locked(web) if str(package.name) == "wasm-pay:audit-log"]
    expected = {
        "demo/wasm-pay/eur-validator": web.digests["composed"],
        "demo/wasm-pay/audit-log": str(audit.manifest),
    }
    if target == "wadm":
        expected |= {
            f"mirror/{path.name}": json.loads((path / "index.json").read_text())["manifests"][0]["digest"]
            for path in (web.folder / "stand-ins").iterdir()
        }
    assert dict(image.split("@") for image in images) == expected
    assert all(Digest.parse(digest) for digest in expected.values())


def locked(web: WebRun) -> tuple[LockedPackage, ...]:
    return read_lock((web.project / "wpkg.lock").read_text()).packages


def test_another_days_versions_are_refused_with_what_is_wrong(web: WebRun) -> None:
    curious, changed = web.out.partition("== the gate has become curious")[2].split("== the audit service wants")
    assert (
        "error: wasm-pay:caller-gate 0.1.1 asks for 'wasi:sockets/instance-network@0.2.0', which 0.1.0 did not"
        in curious
    )
    assert "is denied by 'wasi:sockets/*'" in curious
    assert "(exit code 5)" in curious
    assert "'wasm-pay:web-harness': entry: wanted field 'decision', given field 'amount'" in changed
    assert "(exit code 4)" in changed
    assert {str(package.version) for package in locked(web)} == {"0.1.0"}


# --- what a checkout has -------------------------------------------------------------------------


def test_everybody_has_the_same_interfaces() -> None:
    """Packages of WIT lie in every project that uses them, as a registry would hand them out."""
    found: dict[str, set[str]] = {
        "wasm-pay-platform-0.1.0": {(SAMPLE / "wit" / "platform.wit").read_text()},
        "wasm-pay-audit-0.1.0": {(SAMPLE / "wit" / "audit.wit").read_text()},
    }
    for file in SAMPLE.glob("*/wit/deps/*/package.wit"):
        found.setdefault(file.parent.name, set()).add(file.read_text())
    assert len(found) > 5
    assert [name for name, texts in found.items() if len(texts) > 1] == []


@pytest.mark.parametrize("script", ["run", "run-web"])
def test_the_scripts_use_the_programs_that_the_tests_use(script: str) -> None:
    tools = re.findall(r'"([a-z-]+==[0-9.]+)"', (SAMPLE / script).read_text())
    assert len(tools) > 1
    assert set(tools) <= set((REPOSITORY / "tests" / "requirements.txt").read_text().split())
