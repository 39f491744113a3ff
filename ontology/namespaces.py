"""Where names live: our own terms, one prefix for each kind of thing, and the published vocabularies in use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAMESPACE = "https://w3id.org/dlom#"
INSTANCES = "https://w3id.org/dlom/"

# One prefix per kind, without slashes in local names, so that IRIs read well in queries and results.
PREFIXES: Mapping[str, str] = MappingProxyType(
    {"": NAMESPACE}
    | {
        prefix: f"{INSTANCES}{kind}/"
        for prefix, kind in {
            "m": "model",
            "p": "performance",
            "part": "part",
            "run": "run",
            "net": "network",
            "tn": "trained-network",
            "dev": "device",
            "cloud": "cloud",
            "opt": "optimization",
            "rt": "runtime",
            "data": "data-set",
            "src": "source",
            "tally": "tally",
            "g": "graph",
            "scale": "scale",
            "decision": "decision",
            "replacement": "replacement",
            "vote": "vote",
            "purpose": "purpose",
            "area": "area",
            "dtype": "device-type",
            "tech": "technique",
            "metric": "metric",
            "domain": "domain",
        }.items()
    }
    | {"sha256": "urn:sha256:"}  # files, by their content, wherever they lie
    | {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "owl": "http://www.w3.org/2002/07/owl#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "prov": "http://www.w3.org/ns/prov#",
        "dcterms": "http://purl.org/dc/terms/",
        "dcat": "http://www.w3.org/ns/dcat#",
        "mls": "http://www.w3.org/ns/mls#",
        "sosa": "http://www.w3.org/ns/sosa/",
        "qudt": "http://qudt.org/schema/qudt/",
        "unit": "http://qudt.org/vocab/unit/",
        "schema": "https://schema.org/",
    }
)
