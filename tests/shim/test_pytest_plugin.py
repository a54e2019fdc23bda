"""The fixtures as the tests of another project use them: pytest on its own, with wpkg installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

pytest_plugins = ("pytester",)

OPTIONS = ("-p", "no:cacheprovider", "-W", "error")


def test_a_registry_of_its_own_for_each_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import threading
        import urllib.request

        import pytest

        @pytest.fixture(autouse=True, scope="session")
        def nothing_is_left():
            before = threading.enumerate()
            yield
            assert threading.enumerate() == before

        @pytest.mark.parametrize("number", [1, 2])
        def test_empty(registry_shim, number):
            start = urllib.request.Request(f"{registry_shim.url}/v2/acme/app/blobs/uploads/", method="POST")
            assert [path.name for path in registry_shim.root.iterdir() if path.is_dir()] == []
            with urllib.request.urlopen(start) as answer:
                assert answer.status == 202
            assert (registry_shim.root / "acme/app/oci-layout").exists()

        def test_another_fixture_uses_it(tmp_path, registry_shim):
            assert registry_shim.host == registry_shim.url.removeprefix("http://")
            assert registry_shim.root != tmp_path
    """)
    pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=3)


def test_registries_of_the_session(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import urllib.request

        import pytest

        @pytest.fixture(scope="session")
        def registry(registry_shim_factory):
            return registry_shim_factory(sparse=True)

        @pytest.mark.parametrize("number", [0, 1])
        def test_is_kept(registry, number, registry_shim_factory, tmp_path):
            start = urllib.request.Request(f"{registry.url}/v2/n{number}/blobs/uploads/", method="POST")
            urllib.request.urlopen(start).close()
            assert (registry.root / "n0").exists()
            other = registry_shim_factory(tmp_path / "data")
            assert other.root == tmp_path / "data"
            assert other.url != registry.url
    """)
    pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=2)


def test_who_does_not_use_it_does_not_load_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import sys

        def pytest_unconfigure():
            heavy = {"uvicorn", "click", "msgspec", "registry_shim.main", "registry_shim.inprocess"}
            assert "registry_shim.pytest_plugin" in sys.modules
            print("\\nloaded:", sorted(heavy & sys.modules.keys()))
    """)
    pytester.makepyfile("def test_nothing(): pass")
    done = pytester.runpytest_subprocess(*OPTIONS, "-s")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["loaded: []"])
    assert pytester.runpytest_subprocess("--version").ret == 0


def test_fixtures_are_told_of(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_subprocess("--fixtures", *OPTIONS)
    done.stdout.fnmatch_lines(
        [
            "registry_shim -- *",
            "    An empty OCI registry of this test's own, on a free loopback port.",
            "registry_shim_factory [[]session scope[]]*",
            "    Start OCI registries that live as long as the session*",
        ]
    )


def test_a_fixture_of_the_project_with_that_name_wins(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.fixture
        def registry_shim():
            return "mine"

        def test_mine(registry_shim):
            assert registry_shim == "mine"
    """)
    pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=1)
