"""`wpkg manifest`: for both platforms, valid by the schemas that they publish, and by digest throughout."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from tests.components import from_wit
from tests.shared import schema
from tests.workflow.test_wit_packages import publish_wit
from wpkg.deploy.place import CannotPlace
from wpkg.errors import InvalidInput, LockOutOfDate
from wpkg.registry.errors import NotFound
from wpkg.workflow.build import build
from wpkg.workflow.capabilities import NotAllowed
from wpkg.workflow.deployment import TARGETS, Manifest, NotPublished, make_manifest
from wpkg.workflow.push import push

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company

HTTP = """package wasi:http@0.2.0;
interface types { resource request { path: func() -> string; } }
interface incoming-handler { use types.{request}; handle: func(r: request); }
interface outgoing-handler { use types.{request}; handle: func(r: request); }
"""
KEYVALUE = "package wasi:keyvalue@0.2.0-draft; interface store { get: func(k: string) -> string; }"
CLI = "package wasi:cli@0.2.3; interface environment { get: func() -> list<string>; }"
MESSAGING = """package wasmcloud:messaging@0.2.0;
interface types { record message { body: list<u8> } }
interface handler { use types.{message}; handle: func(m: message) -> result<_, string>; }
interface consumer { use types.{message}; publish: func(m: message) -> result<_, string>; }
"""
AUDIT = """package pay:audit-api@1.0.0; interface log { write: func(s: string) -> u64; }
interface files { resource file { size: func() -> u64; } open: func() -> file; }"""
GPU = "package acme:gpu@1.0.0; interface device { run: func(); }"
PACKAGES = (HTTP, KEYVALUE, CLI, MESSAGING, AUDIT, GPU)
EVERYTHING = """
import wasi:cli/environment@0.2.3; import wasi:keyvalue/store@0.2.0-draft; import wasi:http/outgoing-handler@0.2.0;
import wasmcloud:messaging/consumer@0.2.0; import pay:audit-api/log@1.0.0;
export wasi:http/incoming-handler@0.2.0; export wasmcloud:messaging/handler@0.2.0; export extra: func();
"""
LINKED = '[dependencies]\n"pay:audit" = { version = "*", link = "runtime" }\n'
PROVIDERS = {
    "wasi:keyvalue/*": "keyvalue-nats",
    "wasi:http/outgoing-handler": "http-client",
    "wasi:http/incoming-handler": "http-server",
    "wasmcloud:messaging/*": "messaging-nats",
}
SETTINGS = """[manifest]
name = "pay-app"
replicas = 3
allowed-hosts = ["api.example.com"]
[manifest.config]
"wasi:keyvalue/*" = { bucket = "orders" }
"wasmcloud:messaging/handler" = { subscriptions = "true" }
[manifest.providers]
"""
DIGEST = re.compile(r"127\.0\.0\.1:5000/demo/[a-z0-9/-]+@sha256:[0-9a-f]{64}")


def providers(company: Company) -> str:
    """Images to stand for the platform's, in the company's registry; the lines that name them by tag."""
    lines = []
    for pattern, name in PROVIDERS.items():
        company.sources[name] = from_wit(f"export {name}: func();")
        company.publish(name)
        lines.append(f'"{pattern}" = "{company.repository(name)}:0.1.0"\n')
    return "".join(lines)


def published(company: Company, app: str, extra: str = "", audit: str = "export pay:audit-api/log@1.0.0;") -> Path:
    company.sources |= {"app": from_wit(app, *PACKAGES), "audit": from_wit(audit, *PACKAGES)}
    company.publish("audit")
    root = company.project("app", extra=extra)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    return root


def everything(company: Company) -> Path:
    return published(company, EVERYTHING, LINKED + SETTINGS + providers(company))


def check(manifest: Manifest) -> dict[str, Any]:
    """The document, valid by the published schema, the same as YAML and as JSON, and by digest throughout."""
    document = yaml.safe_load(manifest.yaml)
    assert document == manifest.document == json.loads(manifest.json)
    check_document(manifest.target, document)
    images = list(found_images(document))
    assert images
    assert all(DIGEST.fullmatch(image) for image in images), images
    return dict(document)


def check_document(target: str, document: dict[str, Any]) -> None:
    """Valid by the published schema, and by the rules of the platform that the schema does not say."""
    if target == "wadm":
        Draft7Validator(json.loads(schema("oam.schema.json").read_text())).validate(document)
        check_wadm(document)
    else:
        crd = yaml.safe_load(schema("runtime.wasmcloud.dev_workloaddeployments.yaml").read_text())
        [version] = crd["spec"]["versions"]
        Draft202012Validator(strict(version["schema"]["openAPIV3Schema"])).validate(document)
        check_workload(document)


def strict(part: Any) -> Any:
    """A structural schema that refuses what the API server would silently drop."""
    if isinstance(part, list):
        return [strict(item) for item in part]
    if not isinstance(part, dict):
        return part
    made = {key: strict(value) for key, value in part.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


def found_images(part: Any) -> list[str]:
    if isinstance(part, list):
        return [image for item in part for image in found_images(item)]
    if isinstance(part, dict):
        own = [part["image"]] if "image" in part else []
        return own + [image for item in part.values() for image in found_images(item)]
    return []


def check_wadm(document: dict[str, Any]) -> None:
    """What wadm itself refuses beyond its schema: unknown targets, names and links that are there twice."""
    names = [component["name"] for component in document["spec"]["components"]]
    assert len(set(names)) == len(names)
    seen, configs = Counter[tuple[str, ...]](), Counter[str]()
    for component in document["spec"]["components"]:
        assert ("image" in component["properties"]) is not ("application" in component["properties"])
        for trait in component.get("traits", []):
            if trait["type"] == "link":
                properties = trait["properties"]
                assert properties["target"]["name"] in names
                link = properties.get("name", "default")
                for interface in properties["interfaces"]:
                    seen[component["name"], link, properties["namespace"], properties["package"], interface] += 1
                for end in ("source", "target"):
                    configs.update(c["name"] for c in properties.get(end, {}).get("config", ()))
    assert max([*seen.values(), *configs.values()], default=1) == 1


def check_workload(document: dict[str, Any]) -> None:
    """The two rules of admission that are not in the OpenAPI schema, the second as strict as the documentation."""
    entries = document["spec"]["template"]["spec"].get("hostInterfaces", [])
    keys = [(e["namespace"], e["package"], e.get("name"), e.get("version")) for e in entries]
    assert len(set(keys)) == len(keys)
    packages = Counter((e["namespace"], e["package"]) for e in entries)
    assert all("name" in e for e in entries if packages[e["namespace"], e["package"]] > 1)


def traits(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    [component] = [c for c in document["spec"]["components"] if c["name"] == name]
    return [t["properties"] for t in component.get("traits", []) if t["type"] == "link"]


def test_a_wadm_application(company: Company) -> None:
    root = everything(company)
    document = check(make_manifest(company.world(), root, "wadm"))
    components = document["spec"]["components"]
    assert [(c["name"], c["type"]) for c in components] == [
        ("pay-app", "component"),
        ("pay-audit", "component"),
        ("http-client", "capability"),
        ("http-server", "capability"),
        ("keyvalue-nats", "capability"),
        ("messaging-nats", "capability"),
    ]
    assert components[0]["traits"][0] == {"type": "spreadscaler", "properties": {"instances": 3}}
    assert traits(document, "pay-app") == [
        {"namespace": "pay", "package": "audit-api", "interfaces": ["log"], "target": {"name": "pay-audit"}},
        {
            "namespace": "wasi",
            "package": "http",
            "interfaces": ["outgoing-handler"],
            "target": {"name": "http-client"},
        },
        {
            "namespace": "wasi",
            "package": "keyvalue",
            "interfaces": ["store"],
            "target": {
                "name": "keyvalue-nats",
                "config": [
                    {
                        "name": "pay-app-keyvalue-nats-keyvalue-config",
                        "properties": {"bucket": "orders", "enable_bucket_auto_create": "true"},
                    }
                ],
            },
        },
        {
            "namespace": "wasmcloud",
            "package": "messaging",
            "interfaces": ["consumer"],
            "target": {"name": "messaging-nats"},
        },
    ]
    [server] = traits(document, "http-server")
    assert server["target"] == {"name": "pay-app"}
    assert server["source"]["config"][0]["properties"] == {"address": "127.0.0.1:8000"}
    [messages] = traits(document, "messaging-nats")
    assert messages["source"]["config"][0]["properties"] == {"subscriptions": "true"}
    release = push(company.world(), root, company.bank_key).artifacts[-1].publication.artifact
    assert components[0]["properties"]["image"] == f"{company.repository('app')}@{release.manifest.digest}"
    assert document["metadata"]["annotations"]["dev.wpkg/component"] == str(release.component.digest)


def test_a_workload_deployment(company: Company) -> None:
    root = everything(company)
    manifest = make_manifest(company.world(), root, "workload")
    spec = check(manifest)["spec"]
    assert spec["replicas"] == 3
    app, audit = spec["template"]["spec"]["components"]
    assert (app["name"], audit["name"]) == ("pay-app", "pay-audit")
    assert app["localResources"] == {"allowedHosts": ["api.example.com"], "config": {"subscriptions": "true"}}
    assert "localResources" not in audit
    assert spec["template"]["spec"]["hostInterfaces"] == [
        {
            "namespace": "wasi",
            "package": "http",
            "interfaces": ["incoming-handler", "outgoing-handler"],
            "version": "0.2.0",
            "config": {"address": "0.0.0.0:8080"},
        },
        {
            "namespace": "wasi",
            "package": "keyvalue",
            "interfaces": ["store"],
            "version": "0.2.0-draft",
            "config": {"bucket": "orders"},
        },
        {
            "namespace": "wasmcloud",
            "package": "messaging",
            "interfaces": ["consumer", "handler"],
            "version": "0.2.0",
        },
    ]
    assert manifest.yaml.splitlines()[1] == "# Nothing calls the export extra."


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_project_gives_the_same_bytes_and_a_file_may_be_json(company: Company, target: str) -> None:
    root = everything(company)
    first = make_manifest(company.world(), root, target, company.folder / "m.yaml")
    again = make_manifest(company.world("another"), root, target, company.folder / "m.json")
    assert (company.folder / "m.yaml").read_text() == first.yaml == again.yaml
    assert json.loads((company.folder / "m.json").read_text()) == first.document


def test_a_service_that_no_registry_holds(company: Company) -> None:
    publish_wit(company, "audit-api", "1.0.0", AUDIT)
    line = '"pay:audit-api" = { version = "1", link = "runtime", kind = "wit", target = "audit" }\n'
    root = published(company, "import pay:audit-api/log@1.0.0; export run: func();", f"[dependencies]\n{line}")
    document = check(make_manifest(company.world(), root, "wadm"))
    assert document["spec"]["components"][1] == {
        "name": "audit",
        "type": "component",
        "properties": {"application": {"name": "audit", "component": "audit"}},
    }
    assert traits(document, "app")[0]["target"] == {"name": "audit"}
    spec = check(make_manifest(company.world(), root, "workload"))["spec"]["template"]["spec"]
    assert spec["hostInterfaces"] == [
        {"namespace": "pay", "package": "audit-api", "interfaces": ["log"], "version": "1.0.0", "name": "audit"}
    ]


def test_what_a_linked_component_needs_is_placed_too(company: Company) -> None:
    audit = "import wasi:keyvalue/store@0.2.0-draft; export pay:audit-api/log@1.0.0;"
    app = "import pay:audit-api/log@1.0.0; export run: func();"
    root = published(company, app, LINKED + SETTINGS + providers(company), audit)
    document = check(make_manifest(company.world(), root, "wadm"))
    [link] = traits(document, "pay-audit")
    assert link["target"]["name"] == "keyvalue-nats"
    assert check(make_manifest(company.world(), root, "workload"))["spec"]["template"]["spec"]["hostInterfaces"]
    rules = "[capabilities]\ndeny = ['wasi:keyvalue/*']\n"
    company.project("app", extra=LINKED + rules)
    with pytest.raises(NotAllowed, match="'pay:audit' asks the host for 'wasi:keyvalue/store@0.2.0-draft'"):
        make_manifest(company.world(), root, "wadm")


def refusal(company: Company, target: str, app: str, extra: str = "", **more: str) -> CannotPlace:
    root = published(company, app, extra, **more)
    output = company.folder / "m.yaml"
    with pytest.raises(CannotPlace) as caught:
        make_manifest(company.world(), root, target, output)
    assert not output.exists()
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize("target", TARGETS)
def test_what_cannot_be_placed_is_listed_with_the_line_to_write(company: Company, target: str) -> None:
    error = refusal(company, target, "import acme:gpu/device@1.0.0; import log: func(); export run: func();")
    assert str(error).startswith(
        "'pay:app' imports 'acme:gpu/device@1.0.0', and nothing says who provides it, and 1 more"
    )
    assert error.hint is not None
    assert "'pay:app' imports the function 'log', which no host provides" in error.hint
    assert '[manifest]\nhost = ["acme:gpu/device"]' in error.hint


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_hosts_of_an_installation_have_besides(company: Company, target: str) -> None:
    error = refusal(company, target, "import acme:gpu/device@1.0.0; export run: func();")
    assert error.hint is not None
    line = error.hint[error.hint.index("[manifest]") :]
    document = check(make_manifest(company.world(), company.project("app", extra=line + "\n"), target))
    assert "gpu" not in json.dumps(document)


def test_another_version_than_the_host_has(company: Company) -> None:
    company.sources["app"] = b""
    other = KEYVALUE.replace("draft", "rc")
    company.sources |= {"app": from_wit("import wasi:keyvalue/store@0.2.0-rc; export run: func();", other)}
    root = company.project("app")
    build(company.world(), root, compose=False)
    push(company.world(), root, None)
    with pytest.raises(CannotPlace, match=r"in version 0.2.0-rc \(known: 0.2.0-draft\) \(wasmCloud 2.10\)"):
        make_manifest(company.world(), root, "workload")


def test_configuration_that_only_the_project_knows(company: Company) -> None:
    error = refusal(company, "wadm", "import wasi:keyvalue/store@0.2.0-draft; export run: func();")
    assert str(error).startswith("'wasi:keyvalue/store@0.2.0-draft' of 'pay:app' needs bucket for keyvalue-nats")
    assert error.hint is not None
    assert error.hint.endswith('[manifest.config]\n"wasi:keyvalue/store" = { bucket = "…" }')


def test_hosts_that_http_may_reach_have_to_be_said(company: Company) -> None:
    error = refusal(company, "workload", "import wasi:http/outgoing-handler@0.2.0; export run: func();")
    assert str(error).startswith(
        "'pay:app' imports 'wasi:http/outgoing-handler@0.2.0', and every host that is not listed is denied to it"
    )
    assert error.hint is not None
    assert "[manifest]\nallowed-hosts = [" in error.hint


def test_resources_do_not_go_over_the_lattice(company: Company) -> None:
    app, audit = "import pay:audit-api/files@1.0.0; export run: func();", "export pay:audit-api/files@1.0.0;"
    error = refusal(company, "wadm", app, LINKED, audit=audit)
    assert str(error).startswith(
        "import 'pay:audit-api/files@1.0.0' of 'app' cannot be linked to 'pay-audit' over the lattice: "
        "it has the resource 'file'"
    )
    check(make_manifest(company.world(), company.folder / "projects" / "app", "workload"))


def test_a_workload_links_by_the_same_name_only(company: Company) -> None:
    company.sources |= {
        "app": from_wit("import pay:audit-api/log@1.0.0; export run: func();", *PACKAGES),
        "audit": from_wit("export pay:audit-api/log@1.1.0;", AUDIT.replace("1.0.0", "1.1.0")),
    }
    company.publish("audit")
    root = company.project("app", extra=LINKED)
    build(company.world(), root, compose=False)
    push(company.world(), root, None)
    with pytest.raises(CannotPlace, match="names have to be the same, and it exports 'pay:audit-api/log@1.1.0'"):
        make_manifest(company.world(), root, "workload")
    check(make_manifest(company.world(), root, "wadm"))


def test_a_workload_does_not_tell_two_exporters_apart(company: Company) -> None:
    company.sources["other"] = from_wit("export pay:audit-api/log@1.0.0;", *PACKAGES)
    company.publish("other")
    extra = LINKED + '"pay:other" = { version = "*", link = "runtime", name = "second" }\n'
    error = refusal(company, "workload", "import pay:audit-api/log@1.0.0; export run: func();", extra)
    assert "is exported by 'pay-audit' and 'pay-other', and a workload does not tell them apart" in str(error)
    document = check(make_manifest(company.world(), company.folder / "projects" / "app", "wadm"))
    assert [(link["target"]["name"], link.get("name")) for link in traits(document, "app")] == [
        ("pay-audit", None),
        ("pay-other", "second"),
    ]


def test_what_is_not_published_or_is_something_else(company: Company) -> None:
    company.sources["app"] = from_wit("export run: func();")
    root = company.project("app")
    build(company.world(), root, compose=False)
    with pytest.raises(NotPublished, match=r"pay/app:0.1.0 is not published") as caught:
        make_manifest(company.world(), root, "wadm")
    assert caught.value.exit_code == 6
    push(company.world(), root, None)
    check(make_manifest(company.world(), root, "wadm"))
    company.sources["app"] = from_wit("export walk: func();")
    build(company.world(), root, compose=False)
    with pytest.raises(NotPublished, match="and the project and its lock make"):
        make_manifest(company.world(), root, "wadm")


def test_a_provider_that_is_nowhere(company: Company) -> None:
    extra = f'[manifest.providers]\n"wasi:http/*" = "{company.repository("nothing")}:1.0.0"\n'
    root = published(company, "export wasi:http/incoming-handler@0.2.0;", extra)
    with pytest.raises(NotFound, match="pay/nothing:1.0.0, the image of a provider, is not in its registry"):
        make_manifest(company.world(), root, "wadm")


def test_what_is_on_this_disk_cannot_be_pulled(company: Company) -> None:
    extra = '[dependencies]\n"pay:audit" = { path = "../audit", version = "*", link = "runtime" }\n'
    root = published(company, "import pay:audit-api/log@1.0.0; export run: func();", extra)
    with pytest.raises(LockOutOfDate, match="pay:audit 0.1.0 is on this disk, and no host can pull it"):
        make_manifest(company.world(), root, "wadm")


def test_names_that_no_platform_takes(company: Company) -> None:
    root = published(company, "export run: func();", '[manifest]\nname = "My App"\n')
    with pytest.raises(InvalidInput, match="'My App' is not a name that a deployment can have"):
        make_manifest(company.world(), root, "workload")
