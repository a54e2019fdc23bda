"""Where a registry may send us: another host for its storage, but never into a network or out of encryption."""

from __future__ import annotations

import pytest

from wpkg.registry.errors import UnexpectedAnswer
from wpkg.registry.origins import address_of, follow, origin

REGISTRY = "https://registry.example.com:5000/v2/a/b/blobs/uploads/"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/v2/a/b/blobs/uploads/1?x=1", "https://registry.example.com:5000/v2/a/b/blobs/uploads/1?x=1"),
        ("1", "https://registry.example.com:5000/v2/a/b/blobs/uploads/1"),
        ("https://storage.example.net/signed?s=1", "https://storage.example.net/signed?s=1"),
        ("https://93.184.216.34/x", "https://93.184.216.34/x"),
        ("https://[::ffff:93.184.216.34]/x", "https://[::ffff:93.184.216.34]/x"),
        ("/up?a=1&a=2&b=#here", "https://registry.example.com:5000/up?a=1&a=2&b="),
        ("https://registry.example.com/x", "https://registry.example.com/x"),
    ],
)
def test_places_that_are_gone_to(location: str, expected: str) -> None:
    assert follow(REGISTRY, location, "a thing") == expected


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://127.0.0.1/x", "an address inside a network"),
        ("https://localhost/x", "an address inside a network"),
        ("https://a.localhost/x", "an address inside a network"),
        ("https://10.0.0.1/x", "an address inside a network"),
        ("https://192.168.1.1/x", "an address inside a network"),
        ("https://169.254.169.254/latest/meta-data", "an address inside a network"),
        ("https://[::1]/x", "an address inside a network"),
        ("https://[fe80::1]/x", "an address inside a network"),
        ("https://0.0.0.0/x", "an address inside a network"),
        ("https://localhost./x", "an address inside a network"),
        ("https://127.0.0.1./x", "an address inside a network"),
        ("https://127.1/x", "an address inside a network"),
        ("https://2130706433/x", "an address inside a network"),
        ("https://0x7f000001/x", "an address inside a network"),
        ("https://0177.0.0.1/x", "an address inside a network"),
        ("https://[::ffff:10.0.0.1]/x", "an address inside a network"),
        ("https://[::ffff:a9fe:a9fe]/x", "an address inside a network"),
        ("http://storage.example.net/x", "from https to plain http"),
        ("ftp://storage.example.net/x", "which leads nowhere"),
        ("file:///etc/passwd", "which leads nowhere"),
        ("https://[::zz]/", "which leads nowhere"),
        # Read by others as 169.254.169.254, one.example and 127.0.0.1.
        ("https://169.254.169.254\\.storage.example.net/x", "which leads nowhere"),
        ("https://one.example%2f.two.example/x", "which leads nowhere"),
        ("https://①②⑦.⓪.⓪.①/x", "which leads nowhere"),
    ],
)
def test_places_that_are_not(location: str, said: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=said):
        follow(REGISTRY, location, "a thing")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://Registry.example.com/v2/?x", "https://registry.example.com"),
        ("https://registry.example.com:443/", "https://registry.example.com"),
        ("http://registry.example.com:5000/v2/", "http://registry.example.com:5000"),
        ("http://user:secret@registry.example.com/", "http://registry.example.com"),
        (r"http://one.example\@two.example/", "http://two.example"),
        ("http://[::1]:80/", "http://[::1]"),
        ("https://[fe80::1%eth0]:5000/", "https://[fe80::1%eth0]:5000"),
    ],
)
def test_an_origin_is_spelled_in_one_way(url: str, address: str) -> None:
    assert address_of(origin(url)) == address
    assert origin(address) == origin(url)


@pytest.mark.parametrize("url", ["", "/v2/", "https:///x", "https://a:70000/", "https://a b/", "ftp://a/"])
def test_what_has_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        address_of(origin(url))


def test_a_registry_on_this_machine_may_send_to_another_port_of_it() -> None:
    assert follow("http://127.0.0.1:5000/v2/", "http://127.0.0.1:9000/x", "a thing") == "http://127.0.0.1:9000/x"
