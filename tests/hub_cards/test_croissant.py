import json

import pytest
from datasets import load_dataset

from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES
from hub_cards import write_dataset_card

# Of the specification, https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html: what each part must have.
REQUIRED = {
    "sc:Dataset": {"@context", "name", "description", "license", "conformsTo", "distribution", "recordSet"},
    "cr:FileSet": {"@id", "name", "encodingFormat", "includes"},
    "cr:RecordSet": {"@id", "name", "field"},
    "cr:Field": {"@id", "name", "dataType", "source"},
}
SCHEMA_ORG = {"name", "description", "license", "inLanguage", "keywords", "distribution", "encodingFormat"}


@pytest.fixture
def written(dataset):
    write_dataset_card(dataset)
    return json.loads((dataset / "croissant.json").read_text())


def parts(node):
    if isinstance(node, dict):
        yield node
        for name, value in node.items():
            if name != "@context":
                yield from parts(value)
    if isinstance(node, list):
        for value in node:
            yield from parts(value)


def test_every_key_is_of_the_vocabulary_and_every_part_complete(written):
    for part in parts(written):
        known = {"@context", "@type", "@id", *written["@context"], *SCHEMA_ORG}
        assert set(part) <= known, set(part) - known
        if "@type" in part:
            assert REQUIRED[part["@type"]] <= set(part)


def test_columns_are_described_and_references_resolve(written):
    ids = {part["@id"] for part in parts(written) if "@type" in part and "@id" in part}
    assert {part["@id"] for part in parts(written) if set(part) == {"@id"}} <= ids
    questions, scenes = ({field["name"]: field for field in one["field"]} for one in written["recordSet"])
    assert set(QUESTION_FEATURES) - set(questions) == {"regions", "anchors", "turns"}
    assert set(SCENE_FEATURES) - set(scenes) == {"intrinsics", "camera_to_world", "objects"}
    assert scenes["frames"]["dataType"] == "sc:ImageObject" and scenes["frames"]["repeated"]
    assert questions["scale"]["description"].startswith("0: tiny_tabletop; 1: tabletop")


def test_mlcroissant_reads_the_rows_by_it(dataset, written):
    mlcroissant = pytest.importorskip("mlcroissant")
    opened = mlcroissant.Dataset(jsonld=str(dataset / "croissant.json"))
    assert not opened.metadata.ctx.issues.errors
    rows = {row["all/id"].decode(): row for row in opened.records("all")}
    ours = [row for split in load_dataset(str(dataset)).values() for row in split]
    assert set(rows) == {row["id"] for row in ours}
    for row in ours:
        assert rows[row["id"]]["all/question"].decode() == row["question"]
        assert rows[row["id"]]["all/task"] == row["task"]
