import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from dataset_builders.errors import InputError
from hub_cards import write_dataset_card
from hub_cards.__main__ import main
from hub_cards.publishing import planned
from hub_cards.withholding import MANIFEST, withhold

SHARDS = ("train", "validation", "test")


def restate(dataset, terms: str, scale: int = 2) -> None:
    """Give the scenes of one scale, and their questions, other terms."""
    for folder in ("questions", "scenes"):
        for split in SHARDS:
            path = dataset / folder / f"{split}-00000-of-00001.parquet"
            table = pq.read_table(path)
            texts = [
                terms if at == scale else text
                for at, text in zip(table["scale"].to_pylist(), table["license"].to_pylist(), strict=True)
            ]
            place = table.column_names.index("license")
            pq.write_table(table.set_column(place, table.schema.field("license"), pa.array(texts)), path)


CLASSES = [
    # terms, whether it may be published as it is, licence of the whole (the other scenes are Apache-2.0)
    ("CC0-1.0", True, "apache-2.0"),
    ("CC-BY-4.0", True, ["apache-2.0", "cc-by-4.0"]),
    ("CC-BY-SA-4.0", True, "cc-by-sa-4.0"),
    ("CC-BY-NC-4.0", True, "cc-by-nc-4.0"),
    ("CC-BY-NC-SA-3.0 (KITTI); distributed by mmdetection3d under Apache-2.0", True, "cc-by-nc-sa-3.0"),
    ("CC-BY-NC-ND-4.0", False, None),
    ("ScanNet Terms of Use", False, "other"),
    ("DL3DV-10K Terms of Use", False, "other"),
    ("Apache-2.0 (VSI-Bench annotations), derived from ScanNet, which has its own terms of use", False, "other"),
    ("unknown", False, "other"),
]


@pytest.mark.parametrize(("terms", "allowed", "stated"), CLASSES)
def test_each_class_of_licences_is_enforced(dataset, terms, allowed, stated, tmp_path):
    restate(dataset, terms)
    write_dataset_card(dataset)
    if allowed:
        with planned("dataset", dataset) as plan:
            assert plan.metadata["license"] == stated
        with pytest.raises(InputError, match="has no scene whose terms forbid"):
            withhold(dataset, tmp_path / "shared")
        return
    with pytest.raises(InputError, match="indoor-.*whose terms do not let them be handed on.*hub_cards withhold"):
        with planned("dataset", dataset):
            pass
    withhold(dataset, tmp_path / "shared")
    with planned("dataset", tmp_path / "shared") as plan:
        assert MANIFEST in {file.name for file in plan.files}
        assert plan.metadata["license"] == (stated or plan.metadata["license"])


def test_frames_and_geometry_go_questions_stay_and_the_manifest_says_where_to_fetch(dataset, tmp_path):
    restate(dataset, "ScanNet Terms of Use")
    before = load_dataset(str(dataset), "scenes", split="test").to_list()
    asked = load_dataset(str(dataset), split="test").to_list()
    assert main(["withhold", str(dataset), "--output", str(tmp_path / "shared")]) == 0
    after = load_dataset(str(tmp_path / "shared"), "scenes", split="test").to_list()
    for old, new in zip(before, after, strict=True):
        if old["license"] == "ScanNet Terms of Use":
            assert old["frames"] and old["objects"]
            kept = {"scene_id", "source", "license", "scale"}
            assert {name: new[name] for name in kept} == {name: old[name] for name in kept}
            assert not any(value for name, value in new.items() if name not in kept)
        else:
            assert new == old
    assert load_dataset(str(tmp_path / "shared"), split="test").to_list() == asked
    manifest = json.loads((tmp_path / "shared" / MANIFEST).read_text())
    assert manifest["command"].startswith("python -m dataset_builders build --source synthetic")
    assert len(manifest["scenes"]) == 4
    (row,) = [row for row in manifest["scenes"] if row["split"] == "test"]
    (old,) = [old for old in before if old["scene_id"] == row["scene_id"]]
    assert row["url"] == "https://www.scan-net.org" and row["frame_size"] == [64, 48]
    assert row["frames_sha256"] == [hashlib.sha256(frame["bytes"]).hexdigest() for frame in old["frames"]]
    text = (tmp_path / "shared" / "README.md").read_text()
    assert "`fetch_manifest.json` says" in text and "# SpaceVista: shared" in text
    assert "no redistribution" in text


def test_no_withheld_frame_is_left_anywhere(dataset, tmp_path):
    restate(dataset, "DL3DV-10K Terms of Use")

    def frames(folder):
        rows = [row for path in sorted(folder.glob("scenes/*.parquet")) for row in pq.read_table(path).to_pylist()]
        return {(row["license"], frame["bytes"]) for row in rows for frame in row["frames"]}

    before = frames(dataset)
    withhold(dataset, tmp_path / "shared")
    assert frames(tmp_path / "shared") == {(terms, data) for terms, data in before if terms == "Apache-2.0"}
    assert len({terms for terms, _ in before}) == 2


def test_an_output_that_is_taken_is_refused(dataset, tmp_path, capsys):
    restate(dataset, "unknown")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "mine").write_text("x")
    assert main(["withhold", str(dataset), "--output", str(tmp_path / "shared")]) == 2
    assert "exists and is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["mine"]
