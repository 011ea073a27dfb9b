import json
import re
import shutil

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard, DatasetCardData

from dataset_builders.errors import InputError
from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES
from hub_cards import write_dataset_card


def markdown_table(text: str, head: str) -> dict[str, list[str]]:
    """Read a table by the start of its head: first cell → other cells."""
    lines = text[text.index(head) :].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.removesuffix("|").split("|")[1:]] for line in lines]
    return {row[0]: row[1:] for row in rows}


def test_metadata_is_what_the_hub_reads_and_configs_stay(dataset):
    before = DatasetCard.load(dataset / "README.md").data.to_dict()["configs"]
    card = DatasetCard.load(write_dataset_card(dataset))
    data = card.data.to_dict()
    assert isinstance(card.data, DatasetCardData)
    assert data["configs"] == before
    assert data["license"] == "apache-2.0"
    assert data["language"] == ["en"]
    assert data["size_categories"] == ["n<1K"]
    assert data["task_categories"][0] == "visual-question-answering"
    assert {"spatial-reasoning", "drone", "tiny-tabletop"} <= set(data["tags"])


def test_folder_still_loads_with_both_configs(dataset):
    write_dataset_card(dataset)
    questions = load_dataset(str(dataset))
    assert {split: len(rows) for split, rows in questions.items()} == {"train": 28, "validation": 14, "test": 14}
    scene = load_dataset(str(dataset), "scenes", split="test")[0]
    assert scene["frames"][0].size == (64, 48)


def test_numbers_are_counted_from_the_rows(dataset):
    text = write_dataset_card(dataset).read_text()
    rows = [row for split in load_dataset(str(dataset)).values() for row in split]
    tasks = markdown_table(text, "| task | tiny tabletop")
    assert tasks["object counting"] == ["2 · 1 · 1"] * 5 + ["20"]
    assert tasks["depth estimation"] == ["2 · 1 · 1"] * 3 + ["–", "2 · 1 · 1", "16"]
    scales = markdown_table(text, "| scale | scenes")
    assert scales["outdoor"] == ["2 · 1 · 1", "0", "12", "8"]
    assert scales["drone"] == ["2 · 1 · 1", "24", "12", "12"]
    letters = markdown_table(text, "| options | A")["4"]
    assert letters == [str(sum(row["answer"] == letter for row in rows)) for letter in "ABCD"]
    assert markdown_table(text, "| source | licence") == {"synthetic": ["Apache-2.0", "20", "56"]}


def test_counts_do_not_come_from_the_build_report(dataset):
    report = json.loads((dataset / "build_report.json").read_text())
    (dataset / "build_report.json").write_text(json.dumps(report | {"num_questions": 9999, "num_scenes": 9999}))
    assert "9,999" not in write_dataset_card(dataset).read_text()


def test_card_says_how_it_was_built_and_what_is_left_out(dataset):
    text = write_dataset_card(dataset).read_text()
    command = "python -m dataset_builders build --source synthetic --num-scenes 20 --max-per-scene 6 --seed 7"
    assert f"{command} --output DIR" in text
    assert "Seed 7" in text
    left_out = text[text.index("## Left out") : text.index("## Limits")]
    assert "| depth estimation | no frames | 4 |" in left_out
    assert "| bad | frame 0 pose | is not rigid |" in left_out
    assert "3 of the 19 tasks are covered" in text
    assert "8 questions come from scenes without frames" in text


def test_every_field_is_described_with_its_type(dataset):
    text = write_dataset_card(dataset).read_text()
    fields = text[text.index("## Fields") : text.index("## Example")]
    for name in (*QUESTION_FEATURES, *SCENE_FEATURES):
        assert re.search(rf"^\| {name} \| \S+ \| .{{8,}} \|$", fields, re.MULTILINE), name


def test_card_has_no_placeholders_and_its_bytes_repeat(dataset, placeholder):
    first = write_dataset_card(dataset).read_bytes()
    assert not placeholder.search(first.decode())
    assert write_dataset_card(dataset).read_bytes() == first


def test_sources_of_other_terms_are_told_apart(dataset):
    """Two terms in one folder: the table has a row for each, the metadata says `other`."""
    shard = dataset / "scenes" / "test-00000-of-00001.parquet"
    scenes = pq.read_table(shard)
    terms = ["Apache-2.0 (annotations), derived from X | Y"] * len(scenes)
    place = scenes.column_names.index("license")
    pq.write_table(scenes.set_column(place, scenes.schema.field("license"), [terms]), shard)
    card = DatasetCard.load(write_dataset_card(dataset))
    assert card.data.to_dict()["license"] == "other"
    assert "| synthetic | Apache-2.0 | 15 | 56 |" in card.text
    assert "| synthetic | Apache-2.0 (annotations), derived from X \\| Y | 5 | 0 |" in card.text


@pytest.mark.parametrize("missing", ["README.md", "build_report.json", "questions", "scenes"])
def test_what_is_missing_is_named_and_nothing_changes(dataset, missing):
    path = dataset / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = sorted(path.name for path in dataset.rglob("*"))
    with pytest.raises(InputError, match="config all" if missing == "questions" else missing):
        write_dataset_card(dataset)
    assert sorted(path.name for path in dataset.rglob("*")) == before


@pytest.mark.parametrize("content", ["---\nlicense: mit\n---\n", "no metadata", "---\n[broken\n---\n"])
def test_a_readme_that_does_not_load_the_folder_is_refused(dataset, content):
    (dataset / "README.md").write_text(content)
    with pytest.raises(InputError, match=r"README\.md"):
        write_dataset_card(dataset)


def test_truncated_parquet_is_refused(dataset):
    shard = dataset / "questions" / "train-00000-of-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(InputError, match="train-00000-of-00001.parquet: Parquet"):
        write_dataset_card(dataset)


def test_features_splits_and_sizes_are_in_the_metadata(dataset):
    data = DatasetCard.load(write_dataset_card(dataset)).data.to_dict()
    infos = {info["config_name"]: info for info in data["dataset_info"]}
    assert set(infos) == {"all", "scenes"}
    for config, info in infos.items():
        builder = load_dataset(str(dataset), config)
        assert {split["name"]: split["num_examples"] for split in info["splits"]} == {
            name: len(rows) for name, rows in builder.items()
        }
    files = list((dataset / "questions").iterdir())
    assert infos["all"]["download_size"] == sum(path.stat().st_size for path in files)
    frames = next(one for one in infos["scenes"]["features"] if one["name"] == "frames")
    assert frames == {"name": "frames", "list": "image"}
    assert load_dataset(str(dataset))["test"].features == QUESTION_FEATURES


def test_strength_of_shortcuts_is_shown(dataset):
    path = dataset / "build_report.json"
    row = {"questions": 80, "chance": 25.0, "plain": 26.0, "prior": 27.5, "shortcut": 2.5, "error": 1.2}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"shortcuts": {"choices": {"room_size": row}}}))
    text = write_dataset_card(dataset).read_text()
    assert "| room size (choices) | 80 | 25.0 | 26.0 | 27.5 | +2.5 ± 1.2 |" in text


def test_margins_of_the_scales_are_stated(dataset):
    assert "0.002 m (tiny tabletop), 0.02 m (tabletop), 0.15 m (indoor)" in write_dataset_card(dataset).read_text()


def test_pictures_lie_beside_the_card_and_say_what_they_show(dataset):
    pytest.importorskip("matplotlib")
    text = write_dataset_card(dataset).read_text()
    found = re.findall(r"!\[(.*?)\]\((figures/\w+\.svg)\)", text)
    assert [path for _, path in found] == ["figures/tasks.svg", "figures/scales.svg"]
    assert found[0][0].startswith("Questions by task: object counting 20, ")
    for _, path in found:
        assert (dataset / path).read_text().startswith("<svg")


def test_rows_are_told_by_source_with_what_their_terms_ask_for(dataset):
    for folder in ("questions", "scenes"):
        shard = dataset / folder / "test-00000-of-00001.parquet"
        rows = pq.read_table(shard)
        for name, value in (("license", "CC-BY-4.0"), ("source", "uco3d")):
            place = rows.column_names.index(name)
            rows = rows.set_column(place, rows.schema.field(name), [[value] * len(rows)])
        pq.write_table(rows, shard)
    table = markdown_table(write_dataset_card(dataset).read_text(), "| source | published terms")
    assert table["synthetic"] == ["–", "attribution", "28 · 14 · 0"]
    assert table["uco3d"] == ["[uCO3D](https://uco3d.github.io): CC BY 4.0", "attribution", "0 · 0 · 14"]
