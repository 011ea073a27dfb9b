"""What a model reads and should write: the answer's unit is for the model to say."""

from collections import Counter

import pytest
from datasets import Dataset, Features, List, Value
from datasets import Image as ImageFeature
from PIL import Image

from dataset_builders.conversation import FORMAT, FrameStore, completion_text, prompt_text
from dataset_builders.general import RowError, open_picture

ROW = {"question": "How large?", "options": [], "unit": ""}


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({}, ["Answer with a number."]),
        ({"unit": "cm"}, ["Answer with a number and its unit."]),
        ({"unit": "m²"}, ["Answer with a number and its unit."]),
        ({"options": ["cup", "bowl"]}, ["A. cup", "B. bowl", "Answer with the option's letter."]),
    ],
)
def test_a_prompt_says_what_to_answer_with_but_not_the_unit(change, lines):
    assert prompt_text(ROW | change).splitlines() == ["How large?", *lines, FORMAT]


@pytest.mark.parametrize(
    ("answer", "unit", "scale", "ending"),
    [
        ("9", "cm", (62.0, "cm"), "<scale>62 cm</scale><answer>9 cm</answer>"),
        ("26.4", "m²", (4.25, "m"), "<scale>4.25 m</scale><answer>26.4 m²</answer>"),
        ("3", "", (None, None), "<scale>none</scale><answer>3</answer>"),
        ("B", "", (None, None), "<scale>none</scale><answer>B</answer>"),
    ],
)
def test_a_reply_gives_a_measure_with_its_unit(answer, unit, scale, ending):
    anchors = {"semantics": ["cup", "bowl"], "scale_value": scale[0], "scale_unit": scale[1]}
    reply = completion_text({"rationale": "So.", "anchors": anchors, "answer": answer, "unit": unit})
    assert reply == f"<think>So.</think><semantics>cup, bowl</semantics>{ending}"


@pytest.fixture(scope="module")
def scenes_dir(tmp_path_factory):
    """Three scenes of five frames of 20 × 10 pixels, each frame of a grey of its own."""
    rows = []
    for scene in range(3):
        frames = [Image.new("RGB", (20, 10), (50 * scene + 10 * frame,) * 3) for frame in range(5)]
        rows.append({"scene_id": f"s{scene}", "frames": frames})
    folder = tmp_path_factory.mktemp("scenes")
    features = Features({"scene_id": Value("string"), "frames": List(ImageFeature())})
    Dataset.from_list(rows, features=features).to_parquet(folder / "scenes" / "train-0.parquet")
    readme = "---\nconfigs:\n- config_name: scenes\n  data_files: scenes/train-*.parquet\n---\n"
    (folder / "README.md").write_text(readme)
    return folder


@pytest.fixture
def decoded(monkeypatch):
    """Counts how often each frame is decoded."""
    counts = Counter()

    def counted(value, scene, which):
        counts[scene, which] += 1
        return open_picture(value, scene, which)

    monkeypatch.setattr("dataset_builders.conversation.open_picture", counted)
    return counts


def _record(scene, key_frames=(), regions=()):
    return {"id": "q", "video": scene, "key_frames": list(key_frames), "regions": list(regions)}


def test_frames_are_decoded_once_and_only_those_that_are_shown(scenes_dir, decoded):
    store = FrameStore(str(scenes_dir), "train", num_frames=2)
    for scene in ("s0", "s1", "s0", "s1"):
        grey = [frame.getpixel((0, 0))[0] for frame in store.frames(_record(scene))]
        assert grey == [50 * int(scene[1]), 50 * int(scene[1]) + 40]
    assert decoded == {(scene, frame): 1 for scene in ("s0", "s1") for frame in ("frame 0", "frame 4")}
    assert store.size(_record("s2")) == (2, 20, 10)
    assert ("s2", "frame 0") not in decoded


def test_frames_above_the_budget_are_forgotten_oldest_first(scenes_dir, decoded):
    store = FrameStore(str(scenes_dir), "train", num_frames=2, cache_bytes=4 * 3 * 20 * 10)
    for scene in ("s0", "s1", "s0", "s2", "s0", "s1"):  # two scenes fit; s1 goes for s2, and s2 for s1
        store.frames(_record(scene))
    assert [decoded[f"s{scene}", "frame 0"] for scene in range(3)] == [1, 2, 1]
    assert store.cached_bytes == 4 * 3 * 20 * 10


def test_a_budget_below_one_question_still_shows_it(scenes_dir):
    store = FrameStore(str(scenes_dir), "train", num_frames=3, cache_bytes=1)
    assert len(store.frames(_record("s0"))) == 3 and store.cached_bytes == 0


def test_marks_do_not_reach_the_frames_that_are_kept(scenes_dir):
    store = FrameStore(str(scenes_dir), "train", num_frames=2)
    mark = {"frame_index": 0, "kind": "bbox", "colour": "red", "bbox": [2, 2, 8, 8]}
    marked, clean = (store.frames(_record("s0", [0], regions))[0] for regions in ([mark], []))
    assert marked.getpixel((2, 2)) != clean.getpixel((2, 2)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (_record("s9"), "s9: frames: no such scene in the config scenes"),
        (_record("s0", [0, 1, 2]), "q: key_frames: cannot keep frames [0, 1, 2] among 2 of 5"),
    ],
)
def test_a_question_whose_frames_cannot_be_had_is_named(record, message, scenes_dir):
    with pytest.raises(RowError) as caught:
        FrameStore(str(scenes_dir), "train", num_frames=2).frames(record)
    assert str(caught.value).startswith(message)
