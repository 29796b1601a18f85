"""The book's knowledge as data: concepts, measured results, claims and the landscape, checked; nothing of Sphinx."""

from diarbook.knowledge.evidence import Evidence, load_evidence
from diarbook.knowledge.ontology import Concept, load_ontology, problems

__all__ = ["Concept", "Evidence", "load_evidence", "load_ontology", "problems"]
