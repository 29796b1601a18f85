from tests.concepts import concept, concepts

from diarbook.sphinx.glossary import initial, shown


def test_an_entry_shows_mix_ups_in_both_directions_and_the_facet_of_its_kind():
    made = concepts(
        concept("method", kind="facet"),
        concept("vad"),
        concept("osd", broader=("vad",), not_to_be_confused_with=("tsvad",)),
        concept("tsvad", not_to_be_confused_with=("vad",)),
    )
    assert shown(made["vad"], "broader", made) == ["method"]
    assert shown(made["osd"], "broader", made) == ["vad"]
    assert shown(made["vad"], "not_to_be_confused_with", made) == ["tsvad"]
    assert shown(made["tsvad"], "not_to_be_confused_with", made) == ["vad", "osd"]
    assert shown(made["osd"], "related", made) == []


def test_terms_are_listed_by_letter_or_together():
    assert [initial(label) for label in ("vad", "Z-norm", "3D-Speaker", "1:1")] == ["V", "Z", "0–9", "0–9"]
