"""Mixing, streaming and packing of whole datasets, against counts and orders that can be said beforehand."""

import io
import itertools
import json
import math
import re
import shutil
from collections import Counter
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, load_dataset
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from dataset_builders.conversation import FrameStore
from dataset_builders.errors import InputError
from trl_recipes import experts, mixing, router, sft
from trl_recipes.arguments import Source, read_mix
from trl_recipes.data import ROWS, ReplyCollator
from trl_recipes.encoding import SampleEncoder
from trl_recipes.mixing import grouped_rows, load_general, mixed_places, packed_places, stream
from trl_recipes.packing import PackCollator

# Of a stream, instead of 1,024 rows: small sources are begun anew less often.
WINDOW = 120


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(mixing, "WINDOW", WINDOW)
    # The library waits that long, 5 s, whenever interleaved streams are left.
    monkeypatch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0.1)


def _png(size, colour):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


@pytest.fixture(scope="module")
def general_dir(tmp_path_factory):
    """General data: a picture in each row, two turns in every other."""
    rows = []
    for number in range(7):
        turns = [("user", f"<image>What is in picture {number}?"), ("assistant", "A wall.")]
        turns += [("user", "Which colour?"), ("assistant", f"Grey {number}.")] if number % 2 else []
        messages = [{"role": role, "content": text} for role, text in turns]
        rows.append({"id": f"g{number}", "messages": messages, "images": [_png((56 + 28 * number, 84), "grey")]})
    folder = tmp_path_factory.mktemp("general")
    for shard in range(2):
        Dataset.from_list(rows[shard::2]).to_parquet(folder / f"train-{shard}.parquet")
    return folder


@pytest.fixture(scope="module")
def encoder(tiny, store):
    return SampleEncoder(tiny[1], tiny[0].config, store, max_length=1500)


def _ids(groups):
    return [[row["id"] for row in group[ROWS]] for group in groups]


def test_an_epoch_holds_the_questions_once_and_the_weighed_share_of_the_rest():
    places = mixed_places([40, 7, 100], [0.5, 0.25], seed=3)
    counts = Counter(places)
    assert [counts[0, row] for row in range(40)] == [1] * 40
    small = [counts[1, row] for row in range(7)]
    assert sum(small) == 20 and set(small) == {2, 3}  # gone through twice, and 6 of 7 a third time
    large = [counts[2, row] for row in range(100)]
    assert sum(large) == 10 and set(large) == {0, 1}
    assert places == mixed_places([40, 7, 100], [0.5, 0.25], seed=3) != mixed_places([40, 7, 100], [0.5, 0.25], seed=4)


def test_a_repeated_source_comes_in_another_order():
    rounds = [row for source, row in mixed_places([1, 50], [100.0], seed=0) if source == 1]
    assert len(rounds) == 100 and rounds[:50] != rounds[50:]


@pytest.mark.parametrize("entry", ["general", "general:much", ":0.5", "general:0", "general:-1", "general:nan"])
def test_a_wrong_mix_is_refused(entry):
    with pytest.raises(ValueError, match="mix must be of path:weight"):
        read_mix([entry])


def test_a_mix_is_read_from_the_right():
    assert read_mix(["hf://data/x:0.5"]) == [Source("hf://data/x", 0.5)]


def test_data_without_messages_is_refused(tmp_path):
    Dataset.from_dict({"text": ["a"]}).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(InputError, match="has the columns text; give a dataset with the column messages"):
        load_general(str(tmp_path))
    with pytest.raises(InputError, match="mix"):
        load_general(str(tmp_path / "nowhere"))


def test_questions_and_general_data_share_a_batch(questions, general_dir, encoder):
    general = load_general(str(general_dir))
    items = grouped_rows([questions, general], [[(0, 3)], [(1, 0), (0, 5)]])
    assert _ids(items) == [[questions[3]["id"]], [general[0]["id"], questions[5]["id"]]]
    batch = ReplyCollator(encoder)([items[0], items[1]])
    assert len(batch["input_ids"]) == 3
    assert len(batch["video_grid_thw"]) == 2 and len(batch["image_grid_thw"]) == 1


def test_counted_tokens_are_those_of_the_samples(questions, general_dir, encoder):
    rows = [questions[place] for place in range(0, 60, 7)] + [*load_general(str(general_dir))]
    rows.append({**questions[1], "video": None})
    rows.append({"id": "v", "messages": rows[-2]["messages"], "videos": [[Image.new("RGB", (200, 100))] * 5]})
    rows[-1]["messages"] = [{"role": "user", "content": "<video>What?"}, {"role": "assistant", "content": "A wall."}]
    for row in rows:
        assert encoder.length(row) == len(encoder.encode(row).input_ids), row["id"]


def test_packing_takes_every_row_once_and_fills_its_groups(questions, general_dir, encoder):
    sources = [questions, load_general(str(general_dir))]
    places = mixed_places([len(questions), 7], [0.5], seed=0)
    groups = packed_places(sources, places, encoder)
    assert sorted(place for group in groups for place in group) == sorted(places)
    assert groups == packed_places(sources, places, encoder)
    lengths = [PackCollator(encoder)([item])["input_ids"].shape[1] for item in grouped_rows(sources, groups)]
    assert max(lengths) <= 1500
    assert len(groups) <= 1 + -(-sum(lengths) // 1500)


def _stream(data_dir, general_dir, encoder=None):
    sources = [load_dataset(str(data_dir), "all", split="train", streaming=True)]
    sources.append(load_general(str(general_dir), streaming=True))
    return stream(sources, [0.5], 5, encoder)


@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.parametrize("stop", [1, 23, 150])
def test_a_stream_goes_on_where_it_stopped(data_dir, general_dir, encoder, packing, stop):
    packer = encoder if packing else None
    whole = _ids(itertools.islice(_stream(data_dir, general_dir, packer), stop + 20))
    first = _stream(data_dir, general_dir, packer)
    head = _ids(itertools.islice(first, stop))
    state = first.state_dict()
    second = _stream(data_dir, general_dir, packer)
    second.load_state_dict(state)
    assert head + _ids(itertools.islice(second, 20)) == whole


def test_a_stream_mixes_by_weight_and_goes_through_its_sources_evenly(data_dir, general_dir, questions):
    ids = [group[0] for group in _ids(itertools.islice(_stream(data_dir, general_dir), 300))]
    own = [name for name in ids if not name.startswith("g")]
    assert len(own) / len(ids) == pytest.approx(2 / 3, abs=0.08)
    times = Counter(own[:WINDOW])
    assert times.keys() == set(questions["id"])
    assert set(times.values()) == {WINDOW // len(questions)}
    assert own[: len(questions)] != questions["id"]
    assert ids == [group[0] for group in _ids(itertools.islice(_stream(data_dir, general_dir), 300))]


SFT = ["--config", str(Path(sft.__file__).parent / "configs" / "sft_tiny.yaml"), "--logging_steps", "1"]
SFT += ["--per_device_train_batch_size", "2", "--max_steps", "4", "--learning_rate", "1e-3"]


def _losses(folder):
    [stage] = json.loads((folder / "training.json").read_text())["stages"]
    return {entry["step"]: entry["loss"] for entry in stage["history"] if "loss" in entry}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_streamed_training_resumes_to_the_same_losses(workers, data_dir, general_dir, tmp_path):
    argv = [*SFT, "--dataset", str(data_dir), "--streaming", "true", "--mix", f"{general_dir}:0.5"]
    argv += ["--packing", "true", "--max_length", "700", "--dataloader_num_workers", workers]
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    save = ["--save_strategy", "steps", "--save_steps", "2"]
    assert sft.main([*argv, *save, "--output_dir", str(whole)]) == 0
    state = str(whole / "checkpoint-2")
    assert sft.main([*argv, "--output_dir", str(resumed), "--resume_from_checkpoint", state]) == 0
    losses = _losses(whole)
    assert len(set(losses.values())) == 4
    assert {step: _losses(resumed)[step] for step in (3, 4)} == {
        step: pytest.approx(losses[step], abs=1e-5) for step in (3, 4)
    }


def test_a_packed_epoch_goes_through_all_rows_and_counts_their_tokens(
    data_dir, general_dir, questions, tmp_path, capsys
):
    argv = [*SFT, "--dataset", str(data_dir), "--mix", f"{general_dir}:0.1", "--packing", "true"]
    argv += ["--max_length", "2000", "--max_steps", "-1", "--num_train_epochs", "1", "--num_frames", "4"]
    assert sft.main([*argv, "--output_dir", str(tmp_path / "out")]) == 0
    counted = int(re.findall(r"'num_tokens': '(\d+)'", capsys.readouterr().out)[-1])
    [stage] = json.loads((tmp_path / "out" / "training.json").read_text())["stages"]
    assert stage["num_samples"] == len(questions) + 6
    assert stage["arguments"]["packing"] and stage["arguments"]["mix"] == [f"{general_dir.name}:0.1"]
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "out", trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(tmp_path / "out", trust_remote_code=True)
    store = FrameStore(str(data_dir), "train", 4)
    lengths = SampleEncoder(processor, model.config, store, with_rationale=False)
    own = sum(lengths.length(row) for row in questions)
    rest = sorted(lengths.length(row) for row in load_general(str(general_dir)))
    assert own + sum(rest[:6]) <= counted <= own + sum(rest[1:])


@pytest.mark.parametrize("stage", [experts, router])
@pytest.mark.parametrize("streaming", ["false", "true"])
def test_stages_with_scale_labels_train_on_packed_rows(stage, streaming, data_dir, tmp_path):
    name = stage.__name__.rpartition(".")[2]
    argv = ["--config", str(Path(sft.__file__).parent / "configs" / f"{name}_tiny.yaml"), "--dataset", str(data_dir)]
    argv += ["--packing", "true", "--max_length", "800", "--max_steps", "2", "--logging_steps", "1"]
    argv += ["--per_device_train_batch_size", "1", "--streaming", streaming]
    assert stage.main([*argv, "--output_dir", str(tmp_path / "out")]) == 0
    assert all(math.isfinite(loss) for loss in _losses(tmp_path / "out").values())


def test_general_data_has_no_scale_to_label(data_dir, general_dir, tmp_path, capsys):
    argv = ["--config", str(Path(sft.__file__).parent / "configs" / "experts_tiny.yaml"), "--dataset", str(data_dir)]
    assert experts.main([*argv, "--output_dir", str(tmp_path / "out"), "--mix", f"{general_dir}:1"]) == 2
    assert "mix: is data without scales; mix it in the cold start, sft.py" in capsys.readouterr().err


@pytest.fixture(scope="module")
def broken_dir(data_dir, tmp_path_factory):
    """The dataset with the frames of one scene cut off in the middle; returns (folder, scene)."""
    folder = tmp_path_factory.mktemp("broken") / "spatial"
    shutil.copytree(data_dir, folder)
    # `load_dataset` keeps what it read by the folder's name.
    folder = folder.rename(folder.with_name("spatial-broken"))
    path = min(folder.glob("scenes/train-*"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    for frame in rows[0]["frames"]:
        frame["bytes"] = frame["bytes"][: len(frame["bytes"]) // 2]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    return folder, rows[0]["scene_id"]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_bad_video_is_named_and_ends_the_training_in_one_line(workers, broken_dir, tmp_path, capsys):
    folder, scene = broken_dir
    argv = [*SFT, "--dataset", str(folder), "--max_steps", "40", "--dataloader_num_workers", workers]
    assert sft.main([*argv, "--output_dir", str(tmp_path / "out")]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: {scene}: frame 0: cannot be decoded (")
    assert line.endswith("repair or remove it, or give --on_bad_video skip")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_bad_videos_are_skipped_named_and_counted(workers, broken_dir, questions, tmp_path, capsys, caplog):
    folder, scene = broken_dir
    argv = [*SFT, "--dataset", str(folder), "--on_bad_video", "skip", "--dataloader_num_workers", workers]
    argv += ["--max_steps", "-1", "--num_train_epochs", "2", "--per_device_train_batch_size", "1"]
    assert sft.main([*argv, "--output_dir", str(tmp_path / "out")]) == 0
    of_scene = sum(row["video"] == scene for row in questions)
    assert of_scene and f"skipped {2 * of_scene} rows that could not be read\n" in capsys.readouterr().out
    if workers == "0":
        named = [record.getMessage() for record in caplog.records if "skipped: " in record.getMessage()]
        assert len(named) == 2 * of_scene and all(scene in line for line in named)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--packing", "true"], "packing: needs the length of a row; give --max_length"),
        (["--streaming", "true", "--max_steps", "-1"], "streaming: has no end; give --max_steps"),
        (["--mix", "nowhere:1"], "nowhere: mix: "),
        (["--mix", "nowhere"], "mix must be of path:weight, got 'nowhere'"),
        (["--on_bad_video", "repair"], "on_bad_video must be fail or skip, got 'repair'"),
        (["--packing", "true", "--max_length", "10"], "max_length: 10 is too short for the frames"),
    ],
)
def test_settings_that_do_not_go_together(argv, message, data_dir, tmp_path, capsys):
    assert sft.main([*SFT, "--dataset", str(data_dir), "--output_dir", str(tmp_path / "out"), *argv]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert message in line
    assert not (tmp_path / "out").exists()
