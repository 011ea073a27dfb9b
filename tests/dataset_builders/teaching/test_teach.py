"""Reasoning by a teacher against a real HTTP server on loopback that misbehaves."""

import base64
import io
import json
import re
import shlex
from pathlib import Path

import chat_server
import numpy as np
import pyarrow.parquet as pq
import pytest
from chat_server import completion
from PIL import Image

from dataset_builders.birds_eye import birds_eye
from dataset_builders.build import build_dataset
from dataset_builders.chat.client import ChatSettings
from dataset_builders.cli import main
from dataset_builders.errors import InputError
from dataset_builders.frames import stored_scene
from dataset_builders.inspection.files import DatasetFiles
from dataset_builders.inspection.statistics import with_names
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.teaching.teach import teach_dataset

KEY = "sk-never-written-anywhere"
TASKS = ("vst.camera_rotation", "vst.camera_facing", "vst.object_direction", "vst.detection_pair")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teaching") / "dataset"
    source = SyntheticSource(5, 0, num_frames=3, frame_size=(192, 144))
    build_dataset(source, folder, BuildSettings(tasks=TASKS, config="vst-r", max_per_scene=8))
    return folder


def facts_of(body: dict) -> dict:
    return json.loads(chat_server.last_text(body))


def thought(facts: dict) -> str:
    return (
        "In the first image I see several things on both sides of the place. The second image shows me some of them "
        "again, from elsewhere, and others that are new. Putting them together, I know how the place is laid out. "
        f"From that I see how the one lies to the other. So the answer is {facts['answer']}."
    )


def reply(facts: dict, **changes: str) -> bytes:
    whole = {"question": f"Look closely. {facts['question']}", "thought": thought(facts), "answer": facts["answer"]}
    return completion(json.dumps(whole | changes), (1500, 200))


def serving(behave):
    return chat_server.serving(behave, facts_of)


def settings(server, **changes) -> ChatSettings:
    return ChatSettings(server.url, "tiny", **{"timeout": 10.0, "backoff": 0.01, "concurrency": 4} | changes)


def rows_of(folder) -> list[dict]:
    return [row for path in sorted(folder.glob("questions/*")) for row in pq.read_table(path).to_pylist()]


def rule(row: dict) -> str:
    return json.loads(row["provenance"])["rule"]


def asked_of(folder) -> list[dict]:
    return [row for row in rows_of(folder) if rule(row) != "vst.detection_pair"]


def scene_of(folder, row: dict):
    """The scene of a row, with the frames that the row is about."""
    files = DatasetFiles.open(folder)
    stored = (scene for _, table in files.groups("scenes", None) for scene in with_names(table, "scenes").to_pylist())
    return stored_scene(next(one for one in stored if one["scene_id"] == row["scene_id"]), row["key_frames"])


def bytes_of(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def picture(part: dict) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(part["image_url"]["url"].partition(",")[2])))


def test_reasoning_and_origin_change_and_nothing_else(dataset, tmp_path):
    with serving(lambda facts, _: reply(facts)) as server:
        report = teach_dataset(dataset, tmp_path / "out", settings(server))
    before, after = rows_of(dataset), rows_of(tmp_path / "out")
    asked = asked_of(dataset)
    assert len({rule(row) for row in asked}) == 3 and len(asked) < len(before)
    assert report.kept == len(asked) == len(server.bodies)
    assert report.rejected == {"not asked: the answer is JSON, a list or a description": len(before) - len(asked)}
    changed = {"id", "question", "provenance", "rationale"}
    for old, new in zip(before, after, strict=True):
        if rule(old) == "vst.detection_pair":
            assert new == old
            continue
        assert {k: v for k, v in new.items() if k not in changed} == {k: v for k, v in old.items() if k not in changed}
        # A question that is laid out in lines, with definitions, stays as it is.
        assert new["question"] == (old["question"] if "\n" in old["question"] else f"Look closely. {old['question']}")
        assert new["rationale"].startswith("In the first image I see several things")
        origin = {"taught_from": old["id"], "teacher": "tiny"}
        assert json.loads(new["provenance"]) == json.loads(old["provenance"]) | origin
    assert DatasetFiles.open(tmp_path / "out").report["teaching"]["kept"] == len(asked)
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"`tiny`, wrote the reasoning of {len(asked)} of the {len(before)} questions" in card


def test_the_teacher_sees_images_place_objects_and_answer(dataset, tmp_path):
    with serving(lambda facts, _: reply(facts)) as server:
        teach_dataset(dataset, tmp_path / "out", settings(server, concurrency=1))
    for row, body in zip(asked_of(dataset), server.bodies, strict=True):
        facts, content = facts_of(body), body["messages"][1]["content"]
        assert facts["question"] == row["question"] and facts["found"] == row["rationale"]
        answer = row["options"]["ABCDEFGH".index(row["answer"])] if row["options"] else row["answer"]
        assert facts["answer"] == answer
        texts = [part["text"] for part in content if part["type"] == "text"]
        assert texts[:3] == ["The first image:", "The second image:", "The place from above:"]
        first, second, above = (picture(part) for part in content if part["type"] == "image_url")
        assert first.size == second.size == (192, 144)
        scene = scene_of(dataset, row)
        if not row["regions"]:
            assert np.abs(np.asarray(first, int) - scene.frames[0].color).mean() < 8
        assert facts["objects"] and above.size[0] >= 840
        pose = scene.frames[0].camera.camera_to_world
        for told in facts["objects"]:
            name, _, number = told["name"].partition(" #")
            item = next(
                item for item in scene.objects if item.category == name and number in ("", str(item.instance_id))
            )
            local = np.linalg.inv(pose) @ [*item.center, 1]
            assert np.allclose(told["position"], local[:3], rtol=6e-3, atol=1e-5)
            assert np.allclose(sorted(told["size"]), sorted(item.size), rtol=6e-3)
        assert facts["cameras"][0] == {"position": [0, 0, 0], "looks": [0, 0, 1]}
        away = np.linalg.inv(pose) @ scene.frames[1].camera.camera_to_world[:, 3]
        assert np.allclose(facts["cameras"][1]["position"], away[:3], rtol=6e-3, atol=1e-5)
        asks_for_motion = "takes the whole picture the other way" in body["messages"][0]["content"]
        assert asks_for_motion == (rule(row) == "vst.camera_rotation")
        assert body["messages"][0]["role"] == "system" and body["temperature"] == 0


def test_the_picture_from_above_shows_the_frames_of_the_question(dataset, tmp_path):
    with serving(lambda facts, _: reply(facts)) as server:
        teach_dataset(dataset, tmp_path / "out", settings(server, concurrency=1))
    row, body = asked_of(dataset)[0], server.bodies[0]
    scene = scene_of(dataset, row)
    names = [item["name"] for item in facts_of(body)["objects"]]
    by_name = {}
    for item in scene.objects:
        by_name |= {item.category: item.instance_id, f"{item.category} #{item.instance_id}": item.instance_id}
    expected = birds_eye(scene, objects=[by_name[name] for name in names])
    assert picture(body["messages"][1]["content"][5]).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda facts: "I would rather not.", "reply is not the JSON asked for"),
        (lambda facts: json.dumps({"thought": thought(facts)}), "reply is not the JSON asked for"),
        (lambda facts: reply(facts).decode()[:-40], "reply is not the JSON asked for"),
        (lambda facts: {"answer": f"not {facts['answer']}"}, "answer changed"),
        (lambda facts: {"thought": thought(facts)[:-1] + ", or not."}, "rationale does not end in the answer"),
        (lambda facts: {"thought": f"It is 3 m away. {thought(facts)}"}, "rationale has a number of its own"),
        (lambda facts: {"thought": f"The x-axis. {thought(facts)}"}, "rationale speaks of axes or coordinates"),
        (lambda facts: {"thought": f"By the top view. {thought(facts)}"}, "rationale speaks of the view from above"),
        (lambda facts: {"thought": f"Ground truth. {thought(facts)}"}, "rationale speaks of given answers"),
        (
            lambda facts: {"thought": f"Auf dem first image und dem second image sehe ich {facts['answer']}."},
            "rationale is in another language",
        ),
    ],
)
def test_what_does_not_hold_up_keeps_the_composed_reasoning(dataset, tmp_path, change, reason):
    def behave(facts, _):
        changed = change(facts)
        return completion(changed) if isinstance(changed, str) else reply(facts, **changed)

    with serving(behave) as server:
        report = teach_dataset(dataset, tmp_path / "out", settings(server))
    assert report.kept == 0 and report.rejected[reason] == len(asked_of(dataset))
    assert rows_of(tmp_path / "out") == rows_of(dataset)


def test_json_as_python_would_write_it_is_put_up_with(dataset, tmp_path):
    def behave(facts, _):
        whole = {"question": facts["question"], "thought": thought(facts), "answer": facts["answer"]}
        return completion(f"Here it is:\n```json\n{whole!r}\n```")

    with serving(behave) as server:
        report = teach_dataset(dataset, tmp_path / "out", settings(server))
    assert report.kept == len(asked_of(dataset))


def test_a_question_that_hints_or_changes_is_not_taken_over(dataset, tmp_path):
    with serving(lambda facts, _: reply(facts, question=f"Is it 2 m to the left? {facts['question']}")) as server:
        report = teach_dataset(dataset, tmp_path / "out", settings(server))
    assert report.kept == len(asked_of(dataset))
    assert [row["question"] for row in rows_of(tmp_path / "out")] == [row["question"] for row in rows_of(dataset)]


def test_an_interrupted_run_goes_on_and_a_second_one_asks_nothing(dataset, tmp_path):
    half = len(asked_of(dataset)) // 2
    broken = []

    def die_half_way(facts, _):
        if len(server.bodies) > half and not broken:
            return 401, {}, b"{}"
        return reply(facts)

    with serving(die_half_way) as server:
        with pytest.raises(InputError, match="401 Unauthorized.*again"):
            teach_dataset(dataset, tmp_path / "out", settings(server, concurrency=1))
        assert not (tmp_path / "out").exists()
        broken.append(True)
        report = teach_dataset(dataset, tmp_path / "out", settings(server, concurrency=1))
        assert (report.usage.cached, report.usage.requests) == (half, len(asked_of(dataset)) - half)
        cache = tmp_path / "out.replies"
        again = teach_dataset(dataset, tmp_path / "again", settings(server, concurrency=3), cache)
    assert again.usage.requests == 0
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "again")


def test_a_server_with_faults_costs_no_row(dataset, tmp_path):
    def faulty(facts, times):
        return [(500, {}, b"oops"), b'{"choices": [{"mess', reply(facts)][min(times, 3) - 1]

    with serving(faulty) as server:
        report = teach_dataset(dataset, tmp_path / "out", settings(server))
    assert report.kept == len(asked_of(dataset)) and report.usage.retries == 2 * report.kept


def test_the_command_prints_what_was_kept_and_paid_and_keeps_the_key_to_itself(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    number = len(asked_of(dataset))
    with serving(lambda facts, _: reply(facts)) as server:
        words = ["--teacher", "openai", "--base-url", server.url, "--model", "tiny", "--price-in", "2"]
        code = main(["reason", str(dataset), "--output", str(tmp_path / "out"), *words, "--price-out", "10"])
    printed = capsys.readouterr()
    assert code == 0 and server.keys == {f"Bearer {KEY}"}
    assert f"tokens: {1500 * number} in, {200 * number} out\ncost: {number * 0.005:.4f}\n" in printed.out
    assert f"kept: {number} of {len(rows_of(dataset))} (" in printed.out
    assert not any(KEY.encode() in content for content in bytes_of(tmp_path).values())
    assert KEY not in printed.out + printed.err


def test_what_has_no_frames_is_not_asked_about(tmp_path):
    source = SyntheticSource(2, 0, rendered=False)
    build_dataset(source, tmp_path / "boxes", BuildSettings(tasks=("object_size",), max_per_scene=2))
    with serving(lambda facts, _: reply(facts)) as server:
        report = teach_dataset(tmp_path / "boxes", tmp_path / "out", settings(server))
    assert server.bodies == [] and report.kept == 0
    assert report.rejected == {"not asked: no frames whose cameras are known": report.total}


def test_a_video_is_shown_in_some_frames(tmp_path):
    source = SyntheticSource(1, 0, num_frames=12, frame_size=(64, 48))
    build_dataset(source, tmp_path / "video", BuildSettings(tasks=("object_size",), max_per_scene=3))
    with serving(lambda facts, _: reply(facts)) as server:
        teach_dataset(tmp_path / "video", tmp_path / "out", settings(server))
    plain = [body for body in server.bodies if len(facts_of(body)["cameras"]) == 8]
    assert plain and "frames of a video" in plain[0]["messages"][0]["content"]
    assert [part["text"] for part in plain[0]["messages"][1]["content"][:4:2]] == ["Frame 1:", "Frame 2:"]


def test_the_command_of_the_page_runs(dataset, tmp_path, capsys):
    page = (Path(__file__).parents[3] / "docs" / "vst.md").read_text(encoding="utf-8")
    command = re.search(r"python -m dataset_builders (reason .*?)```", page, re.DOTALL)[1].replace("\\\n", " ")
    with serving(lambda facts, _: reply(facts)) as server:
        places = {"build/vst-r": str(dataset), "build/vst-r-taught": str(tmp_path / "out")}
        words = [{**places, "http://localhost:8000/v1": server.url}.get(word, word) for word in shlex.split(command)]
        assert main(words) == 0
    printed = capsys.readouterr().out
    assert re.findall(r"^\w+: ", printed, re.MULTILINE)[:4] == ["requests: ", "tokens: ", "cost: ", "kept: "]
