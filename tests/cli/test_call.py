"""`wpkg call`: JSON in, JSON out, through wasmtime; whatever does not fit is said with its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli import programs
from wpkg.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Callable

Typed = tuple[int, str, str]  # exit code, stdout, stderr

INNER = {"amount": 1, "note": None}
VALUE: dict[str, Any] = {
    "a": True,
    "b": 255,
    "c": 65535,
    "d": 4294967295,
    "e": 18446744073709551615,
    "f": -128,
    "g": -32768,
    "h": -2147483648,
    "i": -9223372036854775808,
    "j": 0.5,
    "k": 1e300,
    "l": "\U0001f980",
    "m": "grüße\n",
    "n": [0, 255],
    "o": ["a", ""],
    "p": [1, "x"],
    "q": ["read", "hold"],
    "r": "green",
    "s": "none",
    "t": {"amount": 7, "note": "x"},
    "u": {"some": None},
    "v": {"ok": 3},
    "w": {"ok": None},
    "x": [INNER, {"amount": 2, "note": "y"}],
    "y": {"error": "red"},
    "z": False,
}
# Values of one field each, which come back as they are.
OTHERS: list[tuple[str, Any]] = [
    ("a", False),
    ("j", "NaN"),
    ("k", "-Infinity"),
    ("l", "a"),
    ("m", ""),
    ("n", []),
    ("o", []),
    ("q", []),
    ("s", {"circle": 1.5}),
    ("s", {"named": "none"}),
    ("s", {"sized": 0}),
    ("s", {"nested": None}),
    ("s", {"nested": 5}),
    ("u", None),
    ("u", {"some": 5}),
    ("v", {"error": "why"}),
    ("w", {"error": None}),
    ("y", {"ok": None}),
    ("z", None),
    ("z", True),
]
# The field, what is given for it, and what is said behind "args[0]".
MISFITS: list[tuple[str, Any, str]] = [
    ("a", 1, ".a: expected bool, found 1"),
    ("b", 256, ".b: expected u8, found 256"),
    ("b", -1, ".b: expected u8, found -1"),
    ("b", True, ".b: expected u8, found true"),
    ("b", "1", '.b: expected u8, found "1"'),
    ("b", 1.5, ".b: expected u8, found 1.5"),
    ("e", "18446744073709551616", '.e: expected u64, found "18446744073709551616"'),
    ("e", "1e3", '.e: expected u64, found "1e3"'),
    ("j", 1e39, ".j: expected f32, found 1e+39"),
    ("j", "nan", '.j: expected f32, found "nan"'),
    ("l", "ab", '.l: expected char, found "ab"'),
    ("m", None, ".m: expected string, found null"),
    ("n", "ab", '.n: expected list<u8>, found "ab"'),
    ("n", [1, 256], ".n[1]: expected u8, found 256"),
    ("p", [1], ".p: expected 2 items, found 1"),
    ("p", [1, 2], ".p[1]: expected string, found 2"),
    ("q", ["fly"], ".q[0]: expected one of 'read', 'write', 'hold', found \"fly\""),
    ("q", "read", ".q: expected a list of 'read', 'write', 'hold', found \"read\""),
    ("r", "blue", ".r: expected one of 'red', 'green', found \"blue\""),
    ("s", "circle", '.s: expected {"circle": f32}, found "circle"'),
    ("s", {"none": 1}, ".s.none: expected null, for the case has no payload, found 1"),
    ("s", {"square": 1}, ".s: expected one of 'none', 'circle', 'named', 'sized', 'nested', found 'square'"),
    ("t", {"amount": "x", "note": None}, '.t.amount: expected u32, found "x"'),
    ("t", {"note": None}, ".t: expected a field 'amount', found only 'note'"),
    ("t", {**INNER, "more": 1}, ".t: expected no fields but 'amount', 'note', found 'more'"),
    ("u", 5, '.u: expected null or {"some": …}, found 5'),
    ("u", {"some": "x"}, '.u.some: expected u32, found "x"'),
    ("v", {"ok": "x"}, '.v.ok: expected u32, found "x"'),
    ("x", [INNER, {**INNER, "amount": -1}], ".x[1].amount: expected u32, found -1"),
]


@pytest.fixture
def type_(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Typed]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    Path("api.wasm").write_bytes(programs.CALLED)

    def typed(*arguments: str) -> Typed:
        capfd.readouterr()
        code = run(["call", "api.wasm", *arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return typed


def test_values_of_every_type_come_back_as_they_went(type_: Callable[..., Typed]) -> None:
    code, out, err = type_("t:t/api#echo", json.dumps([VALUE]))
    assert (code, err) == (0, "")
    assert json.loads(out) == VALUE


@pytest.mark.parametrize(("field", "value"), OTHERS)
def test_other_cases_of_a_type_come_back(type_: Callable[..., Typed], field: str, value: object) -> None:
    code, out, err = type_("echo", json.dumps([{**VALUE, field: value}]))
    assert (code, err) == (0, "")
    assert json.loads(out)[field] == value
    assert type(json.loads(out)[field]) is type(value)


def test_wide_numbers_may_be_text_and_whole_ones_may_have_a_point(type_: Callable[..., Typed]) -> None:
    given = {**VALUE, "e": "18446744073709551615", "i": "-9223372036854775808", "d": 7.0}
    code, out, _ = type_("echo", json.dumps([given]))
    assert code == 0
    assert json.loads(out) == {**VALUE, "d": 7}


@pytest.mark.parametrize(("field", "value", "said"), MISFITS)
def test_what_does_not_fit_is_said_with_its_path(
    type_: Callable[..., Typed], field: str, value: object, said: str
) -> None:
    code, out, err = type_("echo", json.dumps([{**VALUE, field: value}]))
    assert (code, out, err) == (2, "", f"error: args[0]{said}\n")


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        ("nothing", "[1]", "args: expected a list of 0, found [1]"),
        ("t:t/api#pick", "[1]", "args: expected a list of 2 (a, b), found [1]"),
        ("t:t/api#pick", '{"a": 1}', 'args: expected a list of 2 (a, b), found {"a": 1}'),
        ("t:t/api#pick", "[1", "the document is not JSON: Expecting ',' delimiter at byte 2"),
        ("pick", "[]", "several functions are called 'pick'"),
        ("choose", "[]", "no function called 'choose' is exported"),
        ("t:t/api#choose", "[]", "no function called 't:t/api#choose' is exported"),
    ],
)
def test_a_call_that_cannot_be_made_is_refused(
    type_: Callable[..., Typed], function: str, arguments: str, said: str
) -> None:
    code, out, err = type_(function, arguments)
    assert (code, out, err.splitlines()[0]) == (2, "", f"error: {said}")


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["t:t/api#pick", '[1, {"amount": 2, "note": null}]'], "3\n"),
        (["more#pick"], "7\n"),
        (["nothing"], ""),
        (["[constructor]account", "[5]"], '{"resource": "account"}\n'),
        (["account.open", "[5]"], '{"ok": {"resource": "account"}}\n'),
        (["account.open", "[0]"], '{"error": "nobody"}\n'),
        (["account.owner", '[{"call": "[constructor]account", "args": [5]}]'], "5\n"),
        (["account.owner", '[{"call": "account.open", "args": [6]}]'], "6\n"),
        (["give", '[{"call": "account", "args": [9]}]'], "9\n"),
        (
            ["account.same", '[{"call": "account", "args": [1]}, {"call": "t:t/api#account", "args": [1]}]'],
            "true\n",
        ),
    ],
)
def test_what_is_returned_is_printed(type_: Callable[..., Typed], words: list[str], out: str) -> None:
    assert type_(*words) == (0, out, "")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (
            5,
            2,
            'args[0]: expected a call that makes a account, {"call": "[constructor]account", "args": […]}, found 5',
        ),
        ({"call": "give", "args": []}, 2, "args[0]: expected a call that makes a account, found 't:t/api#give'"),
        ({"call": "account", "args": ["x"]}, 2, 'args[0].args[0]: expected u32, found "x"'),
        ({"call": "other"}, 2, "args[0]: no function called 'other' is exported"),
        ({"call": "account.open", "args": [0]}, 1, 't:t/api#[static]account.open returned {"error": "nobody"}'),
    ],
)
def test_a_handle_that_cannot_be_had_is_said(
    type_: Callable[..., Typed], given: object, code: int, said: str
) -> None:
    answer = type_("account.owner", json.dumps([given]))
    assert (answer[0], answer[1], answer[2].splitlines()[0]) == (code, "", f"error: {said}")


def test_a_trap_is_one_sentence(type_: Callable[..., Typed]) -> None:
    code, out, err = type_("crash")
    assert (code, out) == (1, "")
    assert err == "error: the component stopped: wasm trap: wasm `unreachable` instruction executed\n"


def test_the_result_is_a_document_for_programs(type_: Callable[..., Typed]) -> None:
    code, out, _ = type_("more#pick", "--json")
    assert code == 0
    assert json.loads(out) == {"schema": "wpkg.call/1", "function": "t:t/more#pick", "result": 7}


def test_what_the_component_prints_is_not_the_result(type_: Callable[..., Typed]) -> None:
    Path("api.wasm").write_bytes(programs.GREETER)
    assert type_("wasi:cli/run#run") == (0, '{"ok": null}\n', "hello\n")
