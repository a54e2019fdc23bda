from __future__ import annotations

import pytest

from wpkg.names.package_name import InvalidName, PackageName


@pytest.mark.parametrize("text", ["a:b", "wasm-pay:messaging-harness", "my-2nd:pkg-3", "a1:b2"])
def test_package_names_print_as_they_were_written(text: str) -> None:
    assert str(PackageName.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a:",
        ":b",
        "A:b",
        "a:b:c",
        "a_b:c",
        "a:b@1.0.0",
        "-a:b",
        "a-:b",
        "a--b:c",
        "2a:b",
        "a:b\n",
        "a/b:c",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        PackageName.parse(text)
