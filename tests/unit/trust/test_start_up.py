from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    ["keys", "envelope", "statement", "bundle", "provenance", "policy", "policy_table", "keyless", "verify"],
)
def test_importing_it_loads_neither_cryptography_nor_sigstore(module: str) -> None:
    program = f"import sys, wpkg.trust.{module}; print({{'cryptography', 'sigstore'}} & {{*sys.modules}})"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
