"""What holds for every test."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A helper that finds something wrong says what it compared, as a test does.
here = Path(__file__)
pytest.register_assert_rewrite(*(f"tests.{path.stem}" for path in here.parent.iterdir() if path != here))

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")

# Who runs the tests in the background of a script has these ignored, and every program that a test starts would, too.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
