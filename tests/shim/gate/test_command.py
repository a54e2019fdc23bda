"""`registry-shim serve --policy`: as a program, with wpkg as its client."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.fakes.world import Chance
from tests.shim.gate.conftest import write_policy
from tests.shim.process import run
from tests.workflow.conftest import Company
from wpkg.cli.main import run as wpkg
from wpkg.errors import WpkgError
from wpkg.registry.client import RegistryClient
from wpkg.trust.keyfile import write_key_file
from wpkg.workflow.build import build
from wpkg.workflow.push import push

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.shim.process import Served

LOOPBACK = """
[trust]
version = 1
[trust.keys.platform]
path = "platform.pub"
[[trust.rule]]
match = "127.0.0.1:*/**"
signers = ["platform"]
"""


def company_at(served: Served, folder: Path) -> Company:
    return Company(folder, RegistryClient(), served.address.removeprefix("http://"))  # type: ignore[arg-type]


def status_of(served: Served, path: str) -> tuple[int, str]:
    """The status of a GET, and the reason where the gate refused."""
    try:
        with urllib.request.urlopen(served.address + path) as answer:  # noqa: S310 - its own loopback address
            return answer.status, ""
    except urllib.error.HTTPError as error:
        document = json.loads(error.read())
        return error.code, str(document["errors"][0].get("detail", {}).get("reason", ""))


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    (tmp_path / "platform.pub").write_bytes(Company(tmp_path).platform_key.public.pem)
    (tmp_path / "policy.toml").write_text(LOOPBACK)
    return tmp_path / "policy.toml"


MANIFEST = "/v2/demo/pay/harness/manifests/0.1.0"


def test_what_wpkg_signs_and_pushes_passes(serve: Callable[..., Served], policy: Path, tmp_path: Path) -> None:
    served = serve("--policy", str(policy))
    company = company_at(served, tmp_path)
    pushed = company.publish("harness")
    assert [artifact.attestations != () for artifact in pushed.artifacts] == [True]
    assert status_of(served, MANIFEST) == (200, "")
    (artifact,) = pushed.artifacts
    signatures = f"sha256-{artifact.publication.artifact.manifest.digest.encoded}.sig"
    assert list(RegistryClient().list_tags(company.repository("harness"))) == ["0.1.0", signatures]
    assert served.stop() == (0, "", "")


@pytest.mark.parametrize("key", [None, "stranger"])
def test_what_wpkg_pushes_otherwise_does_not(
    serve: Callable[..., Served], policy: Path, tmp_path: Path, key: str | None
) -> None:
    company = company_at(serve("--policy", str(policy)), tmp_path)
    root = company.project("harness")
    build(company.world("platform"), root, compose=False)
    reason = "unsigned: " if key is None else "signature wrong: "
    with pytest.raises(WpkgError, match=f"DENIED: {reason}demo/pay/harness:0.1.0") as caught:
        push(company.world("platform"), root, company.stranger_key if key else None)
    assert caught.value.exit_code == 6
    shown = list(RegistryClient().list_tags(company.repository("harness")))
    assert [tag for tag in shown if not tag.endswith(".sig")] == []


@pytest.mark.parametrize("key", [None, "stranger", "platform"])
def test_a_push_that_is_refused_says_so_at_the_command_line(
    serve: Callable[..., Served],
    policy: Path,
    tmp_path: Path,
    key: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    company = company_at(serve("--policy", str(policy)), tmp_path)
    root = company.project("harness")
    build(company.world("platform"), root, compose=False)
    for name in ("HOME", "DOCKER_CONFIG", "WPKG_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("WPKG_KEY_PASSWORD", "pw")
    signing = ["--unsigned"]
    if key is not None:
        pair = {"stranger": company.stranger_key, "platform": company.platform_key}[key]
        (tmp_path / "signing.key").write_bytes(write_key_file(pair, b"pw", Chance()))
        signing = ["--key", str(tmp_path / "signing.key")]
    code = wpkg(["push", "-C", str(root), *signing])
    said = capsys.readouterr().err
    if key == "platform":
        assert code == 0, said
        return
    reason = "unsigned: " if key is None else "signature wrong: "
    assert code == 6, said
    assert f"the registry refused with status 403 (DENIED: {reason}demo/pay/harness:0.1.0 " in said
    assert "login" not in said
    advice = "sign it by digest, then the tag shows it" if key is None else "let a signer of the policy sign it"
    command = f"cosign sign --key KEY -a dev.wpkg.version=0.1.0 {company.address}/demo/pay/harness@sha256:"
    assert f"{advice}: {command}" in said
    assert "hint: the rule for '127.0.0.1:*/**' wants 1 of these signers: 'platform'" in said


def test_a_policy_file_is_read_again_when_it_changes_and_on_sighup(
    serve: Callable[..., Served], policy: Path, tmp_path: Path
) -> None:
    served = serve("--policy", str(policy))
    company_at(served, tmp_path).publish("harness")
    assert status_of(served, MANIFEST) == (200, "")
    policy.write_text("[trust]\nversion = 1\n")
    assert status_of(served, MANIFEST) == (403, "signature wrong")
    policy.write_text("[trust")
    torn = "Expected ']' at the end of a table declaration (at end of document)"
    assert status_of(served, MANIFEST) == (403, "could not check")
    policy.write_text(LOOPBACK)
    served.process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert status_of(served, MANIFEST) == (200, "")
    code, out, err = served.stop()
    assert (code, out) == (0, "")
    assert [line.split(" ", 2)[2] for line in err.splitlines()][:2] == [
        "WARNING the trust policy was read again",
        f"ERROR nothing is accepted until the policy is mended: {policy}: not valid TOML: {torn}",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("[trust", "not valid TOML"),
        ("", "it has no [trust] table"),
        ("[trust]\nversion = 2\n", "trust.version: this version of wpkg reads version 1"),
        (LOOPBACK.replace("platform.pub", "nowhere.pub"), "trust.keys.platform.path: "),
        (
            LOOPBACK.replace("signers", "signer"),
            "policy.toml:8: trust.rule[0].signer: it is not a key that wpkg knows",
        ),
        (
            LOOPBACK + "require-inputs-signed = true\n",
            "a registry sees only what it keeps itself, so require-inputs-signed cannot be enforced here",
        ),
    ],
)
def test_a_broken_policy_is_no_start(tmp_path: Path, policy: Path, text: str | None, said: str) -> None:
    if text is None:
        policy.unlink()
    else:
        policy.write_text(text)
    done = run("serve", "--root", str(tmp_path / "root"), "--port", "0", "--policy", str(policy))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "root").exists()


def test_the_policy_knows_the_registry_by_its_name(serve: Callable[..., Served], tmp_path: Path) -> None:
    write_policy(tmp_path)
    served = serve("--policy", str(tmp_path / "policy.toml"), "--name", "registry.test")
    company = company_at(served, tmp_path)
    with pytest.raises(WpkgError, match="the rule does not name"):  # by a key that is none of registry.test's
        company.publish("harness")
