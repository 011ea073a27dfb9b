"""`build --unify-focal`: the stored frames have one focal length, and boxes, marks and answers still fit them."""

import io
import json

import numpy as np
import pytest
from datasets import load_dataset
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from dataset_builders.cli import main
from dataset_builders.errors import InputError
from dataset_builders.geometry import Boxes, project
from dataset_builders.scene import Camera, SceneObject
from dataset_builders.settings import BuildSettings
from trl_recipes.rewards.detection import read_boxes

FOCAL = 260.0
ASKED = ("--source", "synthetic", "--config", "vst-p", "--num-scenes", "5", "--num-frames", "2")
ASKED += ("--max-per-scene", "30", "--frame-size", "160x120")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The scenes and questions of the same build with frames as they are and with unified ones."""
    folder, found = tmp_path_factory.mktemp("unify"), {}
    for name, more in (("plain", ()), ("unified", ("--unify-focal", f"{FOCAL:g}"))):
        assert main(["build", *ASKED, *more, "--output", str(folder / name)]) == 0
        scenes = load_dataset(str(folder / name), "scenes", split="train").with_format("arrow")
        rows = [row for batch in scenes for row in batch.to_pylist()]
        questions = load_dataset(str(folder / name), split="train").to_list()
        report = json.loads((folder / name / "build_report.json").read_text("utf-8"))
        found[name] = {row["scene_id"]: row for row in rows}, questions, report
    return found


def pictures(row: dict) -> list[np.ndarray]:
    return [np.asarray(Image.open(io.BytesIO(frame["bytes"]))) for frame in row["frames"]]


def cameras(row: dict) -> list[Camera]:
    sizes = [picture.shape[1::-1] for picture in pictures(row)]
    known = zip(row["intrinsics"], row["camera_to_world"], sizes, strict=True)
    return [Camera(np.array(intrinsics), np.array(pose), *size) for intrinsics, pose, size in known]


def test_all_stored_frames_have_the_focal_length_and_the_view_of_the_original(built):
    scenes, _, report = built["unified"]
    assert report["arguments"]["unify_focal"] == FOCAL and "unify_focal" not in built["plain"][2]["arguments"]
    for scene_id, row in scenes.items():
        for new, old in zip(cameras(row), cameras(built["plain"][0][scene_id]), strict=True):
            assert np.diag(new.intrinsics)[:2] == pytest.approx([FOCAL, FOCAL])
            assert (new.camera_to_world == old.camera_to_world).all()
            for side in ("width", "height"):
                wide, was = getattr(new, side) / 2 / FOCAL, getattr(old, side) / 2 / old.intrinsics[0, 0]
                assert was - 0.5 / FOCAL <= wide <= was + 1e-9


def smooth(picture: np.ndarray, pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Colours, (N, 3), round places, (N, 2), between the pixels of a picture."""
    return np.stack(
        [
            map_coordinates(gaussian_filter(channel.astype(float), sigma), pixels[:, ::-1].T, order=1)
            for channel in np.moveaxis(picture, -1, 0)
        ],
        axis=-1,
    )


def test_a_projected_box_lands_on_the_same_content(built):
    """Round the same corner of the same box both builds show the same colours; two pixels beside it they do not."""
    gaps, beside = [], []
    for scene_id, row in built["unified"][0].items():
        plain = built["plain"][0][scene_id]
        boxes = [SceneObject(**{k: np.array(v) if isinstance(v, list) else v for k, v in one.items()})
                 for one in row["objects"]]  # fmt: skip
        corners = Boxes.of(boxes).corners().reshape(-1, 3)
        for new, old, picture, before in zip(
            cameras(row), cameras(plain), pictures(row), pictures(plain), strict=True
        ):
            (pixels, depths), (old_pixels, _) = project(corners, new), project(corners, old)
            inside = (depths > 0) & ((old_pixels > 8) & (old_pixels < [old.width - 8, old.height - 8])).all(1)
            stretch = FOCAL / old.intrinsics[0, 0]
            colors, old_colors = smooth(picture, pixels[inside], 2 * stretch), smooth(before, old_pixels[inside], 2)
            gaps.append(np.abs(colors - old_colors))
            beside.append(np.abs(smooth(before, old_pixels[inside] + 2, 2) - old_colors))
    gaps, beside = np.concatenate(gaps), np.concatenate(beside)
    assert len(gaps) > 100 and gaps.mean() < 1.5 and gaps.mean() < 0.25 * beside.mean()


def test_answers_marks_and_camera_words_are_of_the_unified_frames(built):
    scenes, questions, _ = built["unified"]
    detected = marked = 0
    for row in questions:
        lenses = cameras(scenes[row["scene_id"]])
        provenance = json.loads(row["provenance"])
        assert provenance["unified"]["focal"] == FOCAL
        originals = {index: one for one in provenance["unified"]["originals"] for index in one["frames"]}
        plain = built["plain"][0][row["scene_id"]]
        assert sorted(originals) == list(range(len(lenses)))
        for index, one in originals.items():
            assert one["intrinsics"] == plain["intrinsics"][index] and one["size"] == [160, 120]
        for region in row["regions"]:
            camera = lenses[region["frame_index"]]
            if region["kind"] == "mask":
                assert region["mask"]["size"] == [camera.height, camera.width]
            else:
                places = [region["point"]] if region["kind"] == "point" else np.reshape(region["bbox"], (2, 2))
                assert all(0 <= x < camera.width and 0 <= y < camera.height for x, y in places)
            marked += 1
        if provenance["rule"] == "vst.detection":
            (index,) = row["key_frames"]
            assert f"Image width={lenses[index].width} and height={lenses[index].height}" in row["question"]
            _, boxes = read_boxes(row["answer"])
            local = boxes.corners().reshape(-1, 3)
            pixels = (local @ lenses[index].intrinsics.T)[:, :2] / local[:, 2:]
            # Two decimals of a metre and of half a turn move a corner by some pixels.
            slack = 0.06 * FOCAL
            assert (pixels > -slack).all() and (
                pixels < np.array([lenses[index].width, lenses[index].height]) + slack
            ).all()
            detected += 1
    assert detected > 5 and marked > 5


def test_the_rules_ask_the_same_with_and_without(built):
    """A detection answer is metric: it does not depend on the pixels."""
    answers = [
        {row["answer"] for row in built[name][1] if json.loads(row["provenance"])["rule"] == "vst.detection"}
        for name in ("plain", "unified")
    ]
    assert len(answers[0] & answers[1]) > 0.5 * len(answers[0])


def test_real_views_of_different_cameras_get_the_camera_of_table_23(real_data, tmp_path):
    asked = ["build", "--source", "sunrgbd", "--input", str(real_data("sunrgbd_boxes")), "--config", "vst-p"]
    answers = {}
    for name, more in (("plain", []), ("unified", ["--unify-focal"])):
        assert main([*asked, "--tasks", "vst.detection", *more, "--output", str(tmp_path / name)]) == 0
        found = load_dataset(str(tmp_path / name))
        questions = [row for split in found.values() for row in split]
        answers[name] = {(row["scene_id"], tuple(row["anchors"]["semantics"])): row["answer"] for row in questions}
        scenes = load_dataset(str(tmp_path / name), "scenes")
        rows = [row for split in scenes.values() for row in split.with_format("arrow").to_list()]
        focal = {round(float(value), 6) for row in rows for value in np.diag(row["intrinsics"][0])[:2]}
        assert (focal == {696.0}) == (name == "unified")
    # The boxes are metric: not one number of an answer changes with the pixels.
    both = answers["plain"].keys() & answers["unified"].keys()
    assert len(both) > 3 and all(answers["plain"][key] == answers["unified"][key] for key in both)
    # A Kinect v2; the part of a pixel that is cut off takes 0.03 degrees of the 69.16 in the table.
    assert "hfov=69.13" in str(questions) and "Image width=959 and height=696" in str(questions)


@pytest.mark.parametrize("value", ["0", "-696", "nan", "inf", "wide"])
def test_a_focal_length_that_is_none_is_refused_in_one_line(value, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["build", *ASKED, "--unify-focal", value, "--output", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and error.count("\n") == 1 and f"'{value}' is not a positive number" in error
    assert not (tmp_path / "out").exists()


def test_settings_refuse_it_too():
    with pytest.raises(InputError, match="unify_focal: is -1.0; give a positive number of pixels"):
        BuildSettings(unify_focal=-1.0)


def test_a_focal_length_beyond_all_pictures_quarantines_every_scene_in_one_line(tmp_path, capsys):
    assert main(["build", *ASKED, "--unify-focal", "1e7", "--output", str(tmp_path / "out")]) == 2
    # A slow machine shows a progress bar before it.
    lines = capsys.readouterr().err.splitlines()
    [line] = [line for line in lines if "error: " in line]
    assert lines[-1] == line and "and none of the 5 scenes is usable" in line and not (tmp_path / "out").exists()
