"""Real evaluations, of a model behind a real HTTP server on loopback that answers by rule."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from dataset_builders.conversation import prompt_text
from evaluate_metrics.runner import RunArguments, run

HOSTILE = "<script>alert('x')</script> | [a](http://evil.example) ![b](c) `d` {{ 7 * 7 }}"


@contextmanager
def serving(answer):
    """Serve `answer(text of the prompt, whether anything is shown)` as a chat model."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            parts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][0]["content"]
            text = answer(parts[-1]["text"], len(parts) > 1)
            usage = {"prompt_tokens": 10, "completion_tokens": 3}
            body = json.dumps({"choices": [{"message": {"content": text}}], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


def asked(output, dataset, answer, **more):
    with serving(answer) as url:
        options = {"model": "clerk", "dataset": str(dataset), "output": output, "backend": "openai", "base_url": url}
        run(RunArguments(**options, media="images", concurrency=4, **more))
    return output


def reply(record, scene: int) -> str:
    """Answer: counts are twice as high in scenes 4 and 5, depths half as far in scenes 1 and 3, none in scene 5."""
    if record["task"] == "object_counting":
        value = (scene + 2) * (2 if scene > 3 else 1)
        return f"<think>{HOSTILE}</think><answer>{value}</answer>"
    if record["task"] == "depth_estimation":
        metres = (20 + 3 * scene) / 100 * (0.5 if scene % 2 else 1)
        return "" if scene == 5 else f"<answer>{metres:.4f} m</answer>"
    return f"<answer>{'ABCAAA'[scene]}</answer>"


@pytest.fixture(scope="session")
def evaluation(tmp_path_factory, dataset_dir, records):
    """Of the dataset of all tests: 4 of 6 counts, 3 of 6 depths, 4 of 6 choices are right; blind says 4."""
    replies = {prompt_text(record): reply(record, place // 3) for place, record in enumerate(records)}
    output = tmp_path_factory.mktemp("clerk") / "evaluation"
    controls = ("shuffled", "mirrored", "unanswerable", "prior")
    return asked(output, dataset_dir, lambda text, shown: replies.get(text, "4") if shown else "4", controls=controls)


VSI = [
    *(("object_counting", f"How many chair(s) are in room {room}?", "4", None) for room in range(4)),
    ("object_rel_direction_easy", "Is the sofa to my left or right?", "A", ["A. left", "B. right"]),
    ("object_rel_direction_medium", "Is the bed to my left or right?", "B", ["A. left", "B. right"]),
    ("object_rel_direction_hard", "Is the tv to my left or right?", "B", ["A. left", "B. right"]),
    ("route_planning", "Turn where?", "B", ["A. left", "B. right"]),
]
"""The rows of which the mean of the columns is 44.4: (1 + 1/3 + 0) / 3, answered with 4 and A."""


@pytest.fixture(scope="session")
def vsi_evaluation(tmp_path_factory):
    """Of VSI-Bench in its published layout."""
    av = pytest.importorskip("av", reason="needs the model extra")
    folder = tmp_path_factory.mktemp("vsi")
    (folder / "bench" / "scannet").mkdir(parents=True)
    names = ("question_type", "question", "ground_truth", "options")
    rows = [dict(zip(names, row, strict=True)) for row in VSI]
    rows = [row | {"id": at, "dataset": "scannet", "scene_name": "scene0000_00"} for at, row in enumerate(rows)]
    (folder / "bench" / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with av.open(str(folder / "bench" / "scannet" / "scene0000_00.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for value in range(10, 90, 10):
            image = Image.new("RGB", (64, 48), (value,) * 3)
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())
    letters = {row["question"]: "4" if row["options"] is None else "A" for row in rows}

    def answer(text, shown):
        return next(letter for question, letter in letters.items() if question in text)

    return asked(folder / "evaluation", folder / "bench", answer, benchmark="vsi-bench")
