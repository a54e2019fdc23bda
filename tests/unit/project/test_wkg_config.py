"""What wkg's configuration and a registry's document say about where packages are."""

from __future__ import annotations

import pytest

from wpkg.errors import InvalidInput
from wpkg.names.package_name import PackageName
from wpkg.project.wkg_config import Metadata, WkgConfig, read_registry_metadata, read_wkg_config

CONFIG = """
default_registry = "default.test:5000"
[namespace_registries]
plain = "plain.test"
tabled = { registry = "tabled.test" }
full = { registry = "name", metadata = { preferredProtocol = "oci", oci = { registry = "oci.test", namespacePrefix = "a/b-" } } }
both = { registry = "name", metadata = { oci = { registry = "oci.test" }, warg = { url = "u" } } }
[package_registry_overrides]
"plain:special" = "special.test"
[registry."tabled.test"]
type = "oci"
[registry."tabled.test".oci]
accept_invalid_certificates = true
"""


@pytest.mark.parametrize(
    ("package", "host", "metadata"),
    [
        ("plain:x", "plain.test", None),
        ("plain:special", "special.test", None),
        ("tabled:x", "tabled.test", None),
        ("full:x", "name", Metadata("oci", "oci.test", "a/b-")),
        ("both:x", "name", Metadata("oci", "oci.test", "")),
        ("wasi:http", "default.test:5000", None),
    ],
)
def test_the_most_special_line_decides(package: str, host: str, metadata: Metadata | None) -> None:
    place = read_wkg_config(CONFIG).place(PackageName.parse(package))
    assert place is not None
    assert (place.host, place.metadata) == (host, metadata)


def test_without_a_configuration_two_namespaces_are_known() -> None:
    place = WkgConfig().place(PackageName.parse("wasi:http"))
    assert (place.host if place is not None else None) == "wasi.dev"
    assert WkgConfig().place(PackageName.parse("acme:http")) is None


def test_the_prefix_is_put_before_the_namespace_as_it_is() -> None:
    name = PackageName.parse("full:x")
    place = read_wkg_config(CONFIG).place(name)
    assert place is not None
    assert place.metadata is not None
    assert str(place.repository(name, place.metadata)) == "oci.test/a/b-full/x"
    with pytest.raises(InvalidInput, match="is not a repository"):
        place.repository(name, Metadata(prefix="../"))


@pytest.mark.parametrize(
    ("document", "metadata"),
    [
        ('{"preferredProtocol": "oci", "oci": {"registry": "g.io", "namespacePrefix": "w/"}}', Metadata("oci", "g.io", "w/")),
        ('{"ociRegistry": "g.io", "ociNamespacePrefix": "w/"}', Metadata("oci", "g.io", "w/")),
        ('{"oci": {"registry": "g.io"}, "warg": {"url": "u"}}', Metadata("oci", "g.io")),
        ('{"warg": {"url": "u"}}', Metadata("warg")),
        ('{"wargUrl": "u"}', Metadata("warg")),
        ('{"preferredProtocol": "local", "oci": {}}', Metadata("local")),
        ("{}", Metadata()),
    ],
)  # fmt: skip
def test_a_registry_says_where_its_packages_are(document: str, metadata: Metadata) -> None:
    assert read_registry_metadata(document.encode()) == metadata


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "not valid TOML"),
        ('default_registri = "x"', "did you mean 'default_registry'"),
        ('[namespace_registries]\na = "b/c"', "namespace_registries.a: 'b/c' is not a registry"),
        ("[namespace_registries]\na = 1", "namespace_registries.a: it is neither a string nor a table"),
        ('[package_registry_overrides]\na = "b"', "package_registry_overrides: 'a' is not a package name"),
        ('[registry]\n"a.test" = "b"', "registry: 'a.test' is not a table"),
        ("[namespace_registries]\na = { metadata = {} }", "namespace_registries.a.registry: it is missing"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_wkg_config(text)
    assert said in f"{caught.value} {caught.value.hint}"
