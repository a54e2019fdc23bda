"""The page of one manifest: what it is, what is in it, who vouches for it, where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_shim.catalogue.look import Look
from registry_shim.page.html import Html, code, facts, table, tag
from registry_shim.page.layout import document, plural
from registry_shim.page.paths import Place, search_path
from wpkg.names.amount import size_text
from wpkg.names.extern_name import parse_extern_name
from wpkg.names.package_name import InvalidName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from registry_shim.catalogue.artifact import Artifact
    from registry_shim.gate.verdict import Verdict
    from registry_shim.page.claims import Claim, Provenance
    from registry_shim.page.facts import Facts
    from wpkg.component.describe import Extern
    from wpkg.component.nesting import Contents
    from wpkg.oci.digest import Digest

EPOCH = "1970-01-01T00:00:00"  # what reproducible artifacts say; it says nothing


def version_page(registry: str, found: Facts) -> bytes:
    """What is to be said of a manifest."""
    artifact, place = found.artifact, found.place
    name = artifact.package or artifact.about.title or place.repository
    version = artifact.version or place.tag or artifact.manifest.short
    look = found.look if isinstance(found.look, Look) else None
    return document(
        registry,
        f"{name} {version}",
        tag("h1", f"{name} {version}"),
        tag("p", tag("a", place.repository, href=Place(place.repository).path), class_="quiet"),
        tag("p", artifact.about.description) if artifact.about.description else None,
        _standing(found.verdict),
        _add(registry, found),
        _summary(artifact, found),
        tag("p", f"The component cannot be shown: {found.look}", class_="bad")
        if isinstance(found.look, str)
        else None,
        [_interfaces(look), _wit(look), _composition(look, found)] if look is not None else None,
        _needs(artifact),
        _signatures(found),
        [_provenance(item, found.places) for item in found.provenances],
    )


def _standing(verdict: Verdict | None) -> Html | None:
    if verdict is None:
        return None
    mood = {"verified": "good", "tolerated": "open"}.get(verdict.standing, "bad")
    return tag("p", tag("span", str(verdict.standing).capitalize(), class_=mood), f": it {verdict.reason}.")


def _add(registry: str, found: Facts) -> Html:
    artifact, place = found.artifact, found.place
    is_package = artifact.package and artifact.version and artifact.kind in ("component", "composed")
    if is_package:
        line = f"wpkg add {artifact.package}@{artifact.version}"
        prefix = place.repository.removesuffix("/" + artifact.package.replace(":", "/"))
        namespace = artifact.package.partition(":")[0]
        where = f"{registry}/{prefix}" if prefix != place.repository else ""
        hint = tag(
            "p", "With ", code(f'{namespace} = "{where}"'), " under ", code("[registries]"), " in wasmcloud.toml:"
        )
        return tag("div", hint if where else None, tag("pre", tag("code", line), class_="line", tabindex="0"))
    line = f"wpkg pull {registry}/{place.repository}@{artifact.manifest}"
    return tag("pre", tag("code", line), class_="line", tabindex="0")


def _summary(artifact: Artifact, found: Facts) -> Html:
    about = artifact.about
    raw = artifact.raw and tag(
        "a", code(artifact.raw), href=f"/repositories/{found.place.repository}@{artifact.raw}"
    )
    return facts(
        [
            ("Kind", artifact.kind or artifact.media_type),
            ("Tags", [[tag("a", t, href=Place(found.place.repository, tag=t).path), " "] for t in found.tags]),
            ("Manifest", code(str(artifact.manifest))),
            ("Component", code(str(artifact.component.digest)) if artifact.component is not None else None),
            ("Size", size_text(artifact.component.size if artifact.component is not None else artifact.size)),
            ("Created", "" if about.created.startswith(EPOCH) else about.created),
            ("Licence", about.licenses),
            ("Source", _external(about.source)),
            ("Authors", about.authors),
            ("Raw component", raw),
        ]
    )


def _external(text: str) -> Html | str:
    """A link only where it is one that a browser can follow without harm."""
    if text.startswith(("https://", "http://")):
        return tag("a", text, href=text, rel="nofollow noreferrer noopener")
    return text


def _interfaces(look: Look) -> list[Html]:
    if look.is_wit_package:
        return []
    return [
        *_externs("Exports", look.exports, "who else exports it", "Nothing is exported."),
        *_externs("Imports", look.imports, "who exports it", "It needs nothing of its host."),
    ]


def _externs(title: str, externs: Iterable[Extern], label: str, none: str) -> list[Html]:
    rows = []
    for extern in externs:
        bare = _interface(extern.name)
        link = tag("a", label, href=search_path([bare]), aria_label=f"{label}: {bare}") if bare else ""
        rows.append((code(extern.name), "interface" if bare else extern.what, link))
    body = table(("Name", "Type", "Elsewhere"), rows, title) if rows else tag("p", none, class_="quiet")
    return [tag("h2", title), body]


def _interface(name: str) -> str | None:
    try:
        found = parse_extern_name(name)
    except InvalidName:
        return None
    return found.unversioned if found is not None else None


def _wit(look: Look) -> list[Html | None]:
    notes = tag("ul", [tag("li", note) for note in look.notes]) if look.notes else None
    return [
        tag("h2", "WIT"),
        tag("pre", tag("code", look.wit), class_="wit", tabindex="0", role="region", aria_label="WIT"),
        tag("div", tag("p", "Not in the WIT, although the component has it:"), notes) if notes else None,
    ]


def _composition(look: Look, found: Facts) -> list[Html]:
    if not look.tree.components:
        modules = f"{plural(look.tree.modules, 'core module')}, {size_text(look.tree.module_size)}"
        return [tag("h2", "Composition"), tag("p", f"No components in it; {modules}.", class_="quiet")]
    return [
        tag("h2", "Composition"),
        tag("ul", _branch(look.tree, found.artifact.package or "the component", found.places), class_="tree"),
    ]


def _branch(part: Contents[Digest], name: str, places: Mapping[str, Place]) -> Html:
    inside = [
        _branch(inner, inner.name or _name(places.get(str(inner.digest))), places) for inner in part.components
    ]
    if part.hidden:
        inside.append(tag("li", f"{plural(part.hidden, 'more component')}, nested deeper"))
    modules = f", {plural(part.modules, 'core module')} of {size_text(part.module_size)}" if part.modules else ""
    return tag(
        "li",
        _linked(name, places.get(str(part.digest))),
        tag("span", f" {size_text(part.size)}{modules}", class_="quiet"),
        tag("div", code(str(part.digest)), class_="quiet"),
        tag("ul", inside) if inside else None,
    )


def _name(place: Place | None) -> str:
    return str(place) if place is not None else "(no name)"


def _linked(text: str, place: Place | None) -> Html:
    return tag("a", text, href=place.path) if place is not None else tag("span", text)


def _needs(artifact: Artifact) -> list[Html]:
    if not artifact.dependencies:
        return []
    rows = [
        (code(d.name), code(d.requirement), "composed at build" if d.link == "build" else "bound at run time")
        for d in artifact.dependencies
    ]
    return [tag("h2", "Dependencies"), table(("Package", "Requirement", "Link"), rows, "Dependencies")]


def _signatures(found: Facts) -> list[Html]:
    title = tag("h2", "Signatures and attestations")
    if found.trouble:
        return [title, tag("p", f"They could not be looked up: {found.trouble}", class_="bad")]
    if found.legacy is not None:
        older = tag("a", "signatures in the older form of cosign", href=found.legacy.path)
        title = tag("div", title, tag("p", "There are ", older, "."))
    if not found.claims:
        return [title, tag("p", "Nothing refers to it.", class_="quiet")]
    note = "Claims, not verified: this registry has no trust policy. Verify them with wpkg verify or cosign."
    rows = [
        (claim.role, _type(claim), code(claim.hint), _said(claim), _referrer(claim, found))
        for claim in found.claims
    ]
    return [
        title,
        tag("p", note, class_="open")
        if found.verdict is None
        else tag("p", "As this registry's trust policy has it."),
        table(("What", "Type", "Key", "Policy", "Referrer"), rows, "Signatures and attestations"),
    ]


def _type(claim: Claim) -> Html:
    return code(claim.statement.predicate_type if claim.statement is not None else claim.artifact_type)


def _said(claim: Claim) -> Html | str:
    if not claim.verdict:
        return "not verified"
    return tag("span", claim.verdict, class_="good" if claim.verdict.startswith("verified") else "bad")


def _referrer(claim: Claim, found: Facts) -> Html:
    place = Place(found.place.repository, digest=claim.referrer)
    return tag("a", code(claim.referrer.short), href=place.path)


def _provenance(item: Provenance, places: Mapping[str, Place]) -> list[Html]:
    said = item.claim.verdict or "a claim, not verified"
    inputs = [
        (
            _linked(used.name or "(no name)", places.get(used.manifest) or places.get(used.digest)),
            "component" if used.is_component else "file",
            code(used.digest),
            code(used.uri),
        )
        for used in item.inputs
    ]
    return [
        tag("h2", "Provenance"),
        tag("p", said, class_="good" if said.startswith("verified") else "open"),
        facts(
            [
                ("Builder", code(item.builder) if item.builder else None),
                ("Build type", code(item.build_type) if item.build_type else None),
                ("Versions", ", ".join(f"{name} {version}" for name, version in item.versions)),
            ]
        ),
        table(("Input", "Kind", "Digest", "From"), inputs, "Inputs")
        if inputs
        else tag("p", "It names no inputs."),
    ]
