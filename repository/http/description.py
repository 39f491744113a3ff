"""What the endpoint says of itself (SPARQL 1.1 Service Description)."""

from __future__ import annotations

import io

import pyoxigraph as ox

from repository.formats import GRAPHS, TABLES, Format
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge

_SD = "http://www.w3.org/ns/sparql-service-description#"
_FORMATS = "http://www.w3.org/ns/formats/"
_NAMES = {
    Format.JSON: "SPARQL_Results_JSON",
    Format.XML: "SPARQL_Results_XML",
    Format.CSV: "SPARQL_Results_CSV",
    Format.TSV: "SPARQL_Results_TSV",
    Format.TURTLE: "Turtle",
    Format.N_TRIPLES: "N-Triples",
    Format.JSON_LD: "JSON-LD",
    Format.RDF_XML: "RDF_XML",
}


def description(knowledge: Knowledge, url: str, format: Format) -> bytes:
    """Its languages, formats and graphs, as a graph about `url`; its graphs only where the store is here."""
    graphs = knowledge.graph.names() if isinstance(knowledge.graph, EmbeddedGraph) else []
    named = "".join(f" ;\n    sd:namedGraph [ sd:name {graph} ; sd:graph [ a sd:Graph ] ]" for graph in graphs)
    taken = " , ".join(f"<{_FORMATS}{_NAMES[f]}>" for f in GRAPHS)
    formats = " , ".join(f"<{_FORMATS}{_NAMES[f]}>" for f in (*TABLES, *GRAPHS))
    text = f"""@prefix sd: <{_SD}> .
<{ox.NamedNode(url).value}> a sd:Service ;
  sd:endpoint <{ox.NamedNode(url).value}> ;
  sd:supportedLanguage sd:SPARQL11Query , sd:SPARQL11Update ;
  sd:feature sd:UnionDefaultGraph ;
  sd:resultFormat {formats} ;
  sd:inputFormat {taken} ;
  sd:defaultDataset [ a sd:Dataset ; sd:defaultGraph [ a sd:Graph ] {named} ] .
"""
    triples = [quad.triple for quad in ox.parse(io.BytesIO(text.encode()), format=ox.RdfFormat.TURTLE)]
    return ox.serialize(triples, format=ox.RdfFormat.from_media_type(format.value), prefixes={"sd": _SD}) or b""
