from tests.concepts import concept, concepts

from diarbook.sphinx.rosetta import by_stage


def test_toolkits_are_ordered_by_stage():
    names = (("NeMo", "x"),)
    found = by_stage(
        concepts(
            concept("whole", kind="task", topic="chooser", toolkits=names),
            concept("clustering-stage", kind="stage", topic="clustering", toolkits=names),
            concept("vad-stage", kind="stage", topic="vad"),
            concept("onset", topic="vad", toolkits=names),
            concept("silent", topic="vad"),
            concept("elsewhere", topic="start", stage=("clustering-stage",), toolkits=names),
        )
    )
    shown = [(stage and stage.id, [member.id for member in members]) for stage, members in found]
    assert shown == [
        ("vad-stage", ["onset"]),
        ("clustering-stage", ["clustering-stage", "elsewhere"]),
        (None, ["whole"]),
    ]
