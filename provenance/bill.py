"""`make sbom`: the bill of materials, as CycloneDX writes it: locked packages, networks, fingerprints, fonts."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from provenance import lock


def package(pin: lock.Pin) -> Component:
    """A locked package. The hashes are those of all files of its release, one of which is installed."""
    purl = PackageURL("pypi", None, pin.name, pin.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(purl.to_string()),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in pin.hashes],
    )
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        purl=purl,
        bom_ref=purl.to_string(),
        external_references=[files],
        properties=[Property(name="atelier:marker", value=pin.marker)] if pin.marker else [],
    )


def shipped(path: Path) -> Component:
    """A file of the repository that is no text: a network, a painting's fingerprint, a font."""
    name = path.relative_to(lock.ROOT).as_posix()
    network = name.startswith("models/")
    card = ExternalReference(type=ExternalReferenceType.MODEL_CARD, url=XsUri("models/README.md"))
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL if network else ComponentType.DATA,
        name=name,
        bom_ref=name,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(path.read_bytes()).hexdigest())],
        external_references=[card] if network else [],
    )


def bill() -> Bom:
    """Everything that Atelier consists of, and what of it needs what."""
    about = tomllib.loads((lock.ROOT / "pyproject.toml").read_text())["project"]
    atelier = Component(
        type=ComponentType.APPLICATION, name=about["name"], version=about["version"], bom_ref=about["name"]
    )
    pins = lock.read(lock.LOCK)
    packages = {pin.name: package(pin) for pin in pins}
    computed = [path for each in ("models", "styles") for path in (lock.ROOT / each).rglob("*.safetensors")]
    files = [shipped(path) for path in (*computed, *(lock.ROOT / "fonts").rglob("*.ttf"))]
    bom = Bom(components=[*packages.values(), *files])
    bom.metadata.component = atelier
    bom.register_dependency(atelier, files)
    for pin in pins:
        for user in pin.wanted_by:
            bom.register_dependency(packages.get(user, atelier), [packages[pin.name]])
    return bom


def main() -> None:
    (path,) = map(Path, sys.argv[1:])
    path.parent.mkdir(exist_ok=True)
    writer = make_outputter(bill(), OutputFormat.JSON, SchemaVersion.V1_6)
    writer.output_to_file(str(path), allow_overwrite=True, indent=2)
    print(path)


if __name__ == "__main__":
    main()
