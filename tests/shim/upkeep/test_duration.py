from __future__ import annotations

import pytest

from registry_shim.upkeep.duration import InvalidDuration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("0s", 0), ("45s", 45), ("30m", 1800), ("24h", 86400), ("7d", 604800), ("007d", 604800)],
)
def test_is_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "1", "h", "-1h", "1.5h", "1 h", "1h30m", "1H", "1w", "1h\n", "٣h", "9" * 10 + "h"]
)
def test_is_refused(text: str) -> None:
    with pytest.raises(InvalidDuration, match="is not a span of time") as caught:
        parse_duration(text)
    assert caught.value.hint == "write a number and s, m, h or d, as in 30m, 24h or 7d"
