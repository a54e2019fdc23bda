"""Chains and a diamond of components from several toolchains, run.

The accounts own a resource, and are written in Python. Everybody else is lent accounts; whoever got another instance's
would notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from wasmtime import WasmtimeError

from tests.components import world
from tests.interop.conftest import peer
from tests.real.conftest import Running, Workshop
from tests.real.toolchains import HERE, from_javascript
from tests.vectors.test_ascription import ascribed, complaint, type_of

if TYPE_CHECKING:
    from pathlib import Path

    from wasmtime.component import Linker

pytestmark = [pytest.mark.sample, pytest.mark.xdist_group("bank")]

DIAMOND = ("accounts.wasm", "fees.wasm", "limits.wasm", "rates.wasm")
TELLER, DESK = "bank:ledger/teller@0.1.0", "bank:ledger/desk@0.1.0"
RATES = "bank:ledger/rates@0.1.0"


def test_a_diamond_shares_one_resource(bank: Workshop) -> None:
    """teller → fees → accounts, teller → limits → accounts, teller → accounts → rates; two of them in Python."""
    made = bank.composed("teller.wasm", *DIAMOND, options=("--share-modules",))
    assert [line for line in world(made.read_bytes()) if "bank:" in line] == [f"export {TELLER}"]
    given = sum((bank.folder / name).stat().st_size for name in ("teller.wasm", *DIAMOND))
    assert made.stat().st_size < given - 5_000_000, "two Pythons share their modules"
    assert Running(made).call(TELLER, "serve", "ann", [(5, "EUR"), (7, "USD")]) == [
        "USD is not taken",
        "ann has 10, 9 after the fee",
        "now 9",
        "may spend 9: True",
        "may spend 10: False",
    ]


def test_a_side_of_the_diamond_with_accounts_of_its_own_is_refused(bank: Workshop) -> None:
    options = ["--with", "own=accounts.wasm", "--use", "limits.wasm / bank:ledger/accounts@0.1.0=own"]
    options += ["--use", "bank:ledger/accounts@0.1.0=accounts.wasm"]
    with_ = [word for name in DIAMOND for word in ("--with", name)]
    answer = bank.typed("teller.wasm", *with_, *options, "-o", "refused.wasm")
    assert answer.code == 4
    assert "'limits.wasm' exports 'bank:ledger/limits@0.1.0', but not as 'teller.wasm' imports it" in answer.err
    assert "account" in answer.err
    assert not (bank.folder / "refused.wasm").exists()


def test_a_chain_of_three_is_run(bank: Workshop) -> None:
    """desk → accounts → rates: what the last one says comes out at the first."""
    running = Running(bank.composed("desk.wasm", "accounts.wasm", "rates.wasm"))
    assert running.call(DESK, "deposit", "ann", 5, "EUR") == 10
    assert running.call(DESK, "deposit", "ann", 5, "XYZ") == "XYZ"


def test_the_end_of_a_chain_can_be_left_to_the_host(bank: Workshop) -> None:
    """Whoever the last link is decides: with another one the chain comes to something else."""

    def define(linker: Linker) -> None:
        with linker.root() as root, root.add_instance(RATES) as rates:
            rates.add_func("rate", lambda _store, currency: len(currency))

    made = bank.composed("desk.wasm", "accounts.wasm", "rates.wasm", options=("--use", f"{RATES}=host"))
    assert f"import {RATES}" in world(made.read_bytes())
    running = Running(made, define)
    assert [running.call(DESK, "deposit", "ann", 5, currency) for currency in ("EUR", "marks")] == [15, 25]


def test_what_is_composed_in_steps_is_what_is_composed_at_once(bank: Workshop) -> None:
    first = bank.composed("accounts.wasm", "rates.wasm")
    first.rename(bank.folder / "first.wasm")
    stepwise = world(bank.composed("teller.wasm", "first.wasm", "fees.wasm", "limits.wasm").read_bytes())
    assert sorted(stepwise) == sorted(world(bank.composed("teller.wasm", *DIAMOND).read_bytes()))


def test_the_components_are_of_the_types_that_the_reader_finds(bank: Workshop) -> None:
    bank.composed("teller.wasm", *DIAMOND)
    found = {path.name: path.read_bytes() for path in sorted(bank.folder.glob("*.wasm"))}
    assert complaint(ascribed({name: (data, type_of(data)) for name, data in found.items()})) == ""


@pytest.fixture(scope="session")
def clerk(bank: Workshop) -> Path:
    """The one that componentize-js makes, beside the others."""
    return from_javascript(peer("componentize-js"), HERE / "bank-ledger", "clerk", bank.folder)


@pytest.mark.interop
def test_javascript_calls_python(bank: Workshop, clerk: Path) -> None:
    """clerk → accounts → rates: three toolchains."""
    made = bank.composed(clerk.name, "accounts.wasm", "rates.wasm")
    imports = [line.split("@")[0] for line in world(made.read_bytes()) if line.startswith("import wasi:")]
    assert imports
    assert len(set(imports)) == len(imports), "the two toolchains' WASI is one WASI"
    assert Running(made).call(TELLER, "serve", "ann", [(5, "EUR"), (7, "USD"), (1, "EUR")]) == [
        "ann has 10",
        "unknown-currency: USD",
        "ann has 12",
        "overdrawn: 7",
    ]


@pytest.mark.interop
def test_javascript_without_the_end_of_the_chain_does_not_run(bank: Workshop, clerk: Path) -> None:
    made = bank.composed(clerk.name, "accounts.wasm")
    with pytest.raises(WasmtimeError, match="bank:ledger/rates"):
        Running(made)


@pytest.mark.interop
def test_a_component_in_javascript_is_of_the_type_that_the_reader_finds(clerk: Path) -> None:
    data = clerk.read_bytes()
    assert complaint(ascribed({"clerk": (data, type_of(data))})) == ""
