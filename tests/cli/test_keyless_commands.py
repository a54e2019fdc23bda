"""Keyless signatures at the command line: what is shown, and that sigstore loads only for who needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.fakes.sigstore.attach import sign_keyless
from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from tests.shim_process import running_shim
from tests.workflow.conftest import Company
from wpkg.cli.main import run
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICY = f"""[trust]
version = 1
[trust.identities.release]
issuer = "{ISSUER}"
subject = "{WORKFLOW}"
trusted-root = "trusted_root.json"
[trust.keys.platform]
path = "platform.pub"
[[trust.rule]]
match = "127.0.0.1:*/**"
signers = ["release", "platform"]
"""
WITHOUT_IDENTITIES = POLICY[: POLICY.index("[trust.identities")] + POLICY[POLICY.index("[trust.keys") :].replace(
    '"release", ', ""
)
TRUSTING = ["--trust-policy", "trust.toml"]
PROGRAM = """import sys
{before}
from wpkg.cli.main import run
code = run(sys.argv[1:])
print("sigstore" in sys.modules, file=sys.stderr)
sys.exit(code)
"""
NOT_INSTALLED = """
class Missing:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == "sigstore":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
sys.meta_path.insert(0, Missing)
"""


@dataclass
class Shell:
    """pay:harness in a registry, and somebody who has a policy."""

    company: Company
    sigstore: Sigstore = field(default_factory=Sigstore)

    def __post_init__(self) -> None:
        folder = self.company.folder
        (folder / "trusted_root.json").write_bytes(self.sigstore.trusted_root())
        self.company.key_file(self.company.platform_key, "platform.pub")
        self.policy(POLICY)

    def policy(self, text: str) -> None:
        (self.company.folder / "trust.toml").write_text(text)

    def sign(self, subject: str = WORKFLOW) -> None:
        reference = self.company.repository("harness").at(tag="0.1.0")
        sign_keyless(self.company.world("ci"), reference, self.sigstore, subject)

    def verify(self, *words: str, before: str = "") -> tuple[int, str, str, bool]:
        """Exit code and streams of `wpkg verify`, and whether sigstore was loaded."""
        reference = str(self.company.repository("harness").at(tag="0.1.0"))
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(before=before), "verify", reference, *TRUSTING, *words],
            cwd=self.company.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.company.folder / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        *lines, loaded = done.stderr.splitlines()
        return done.returncode, done.stdout, "\n".join(lines), loaded == "True"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with running_shim(tmp_path / "registry") as address:
        yield Shell(Company(tmp_path, RegistryClient(), address))  # type: ignore[arg-type]


def test_it_is_shown_who_signed(shell: Shell) -> None:
    shell.company.publish("harness", unsigned=True)
    shell.sign()
    code, out, _, loaded = shell.verify()
    assert (code, loaded) == (0, True)
    assert f"verified\nsigned by release ({ISSUER} {WORKFLOW})\n" in out
    document = json.loads(shell.verify("--json")[1])
    assert document["verification"]["signers"] == [{"name": "release", "issuer": ISSUER, "subject": WORKFLOW}]


def test_without_sigstore_the_hint_says_how_to_get_it(shell: Shell) -> None:
    shell.company.publish("harness", unsigned=True)
    shell.sign()
    code, out, err, _ = shell.verify(before=NOT_INSTALLED)
    assert (code, out) == (5, "")
    error, hint = err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert error.endswith("it is keyless, and what checks that is not installed")
    assert hint == "hint: pip install 'wpkg[keyless]'"
    assert "Traceback" not in err


def test_without_sigstore_a_key_that_signed_is_enough(shell: Shell) -> None:
    shell.company.publish("harness")
    shell.sign()
    code, out, _, _ = shell.verify(before=NOT_INSTALLED)
    assert (code, "signed by platform" in out) == (0, True)


@pytest.mark.parametrize(
    ("policy", "subject"),
    [
        pytest.param(WITHOUT_IDENTITIES, WORKFLOW, id="no identities in the policy"),
        pytest.param(POLICY, None, id="nothing keyless there"),
        pytest.param(POLICY, "https://forge.example/other", id="nobody whom the rule names"),
    ],
)
def test_sigstore_is_not_loaded_for_who_does_not_need_it(shell: Shell, policy: str, subject: str | None) -> None:
    shell.company.publish("harness")
    shell.policy(policy)
    if subject is not None:
        shell.sign(subject)
    code, _, err, loaded = shell.verify()
    assert (code, loaded) == (0, False), err


def test_what_sigstore_logs_is_not_printed(shell: Shell) -> None:
    shell.company.publish("harness", unsigned=True)
    shell.sign()
    root = json.loads(shell.sigstore.trusted_root())
    root["ctlogs"].append(json.loads(json.dumps(root["ctlogs"][0])))
    root["ctlogs"][1]["publicKey"]["keyDetails"] = "PKIX_ED25519_PH"  # of which it warns
    (shell.company.folder / "trusted_root.json").write_text(json.dumps(root))
    code, _, err, _ = shell.verify()
    assert (code, "Failed to load" in err) == (0, False)


def test_a_root_that_is_not_there_is_a_mistake_in_the_policy(shell: Shell) -> None:
    shell.company.publish("harness")
    (shell.company.folder / "trusted_root.json").unlink()
    code, _, err, _ = shell.verify()
    assert code == 2
    assert "trust.toml:6: trust.identities.release.trusted-root: " in err
    assert "Traceback" not in err


def test_a_file_with_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sigstore = Sigstore()
    (tmp_path / "app.wasm").write_bytes(b"the component")
    (tmp_path / "app.json").write_text(json.dumps(sigstore.sign_file(b"the component")))
    (tmp_path / "trusted_root.json").write_bytes(sigstore.trusted_root())
    words = ["verify", "app.wasm", "-C", str(tmp_path)]
    bundle = ["--bundle", "app.json"]
    identity = ["--certificate-identity", WORKFLOW, "--certificate-oidc-issuer", ISSUER]
    root = ["--trusted-root", "trusted_root.json"]
    assert run([*words, *bundle, *identity, *root]) == 0
    assert f"the file itself is signed\nsigned by {WORKFLOW} ({ISSUER})\n" in capsys.readouterr().out
    assert run([*words, *bundle, *identity, *root, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["signer"] == {"name": WORKFLOW, "issuer": ISSUER, "subject": WORKFLOW}
    for code, given, sentence in (
        (2, [*bundle, *identity], "error: an identity is a subject, its issuer, and the root of trust"),
        (2, [*identity, *root], "error: --type and identities on the command line are for a file with --bundle"),
        (2, bundle, "error: nothing says whom to trust"),
        (5, [*bundle, "--certificate-identity", "x", *identity[2:], *root], "error: app.json is signed by "),
    ):
        assert run([*words, *given]) == code
        assert sentence in capsys.readouterr().err
