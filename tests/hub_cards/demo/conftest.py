"""A real dataset, a tiny model that knows two of its answers by heart, and videos."""

from pathlib import Path

import numpy as np
import pytest

from dataset_builders.cli import main as build_dataset
from dataset_builders.conversation import completion_text, prompt_text, to_messages

torch = pytest.importorskip("torch", reason="needs the model extra")
pytest.importorskip("gradio", reason="needs the extra `page`")
av = pytest.importorskip("av", reason="needs the model extra")

from hub_cards.demo.limits import Limits  # noqa: E402
from hub_cards.demo.samples import Samples  # noqa: E402
from modeling_spacevista import build_tiny_model  # noqa: E402

TASKS = ["vsi.object_count", "image.depth_of_point", "vsi.absolute_distance"]
LIMITS = Limits(num_frames=4, max_new_tokens=192, upload_megabytes=1, video_seconds=3)
LEARNED = 0.02  # loss per token below which a reply comes out as it was learned


@pytest.fixture(scope="session")
def limits() -> Limits:
    return LIMITS


@pytest.fixture(scope="session")
def scenes_dir(tmp_path_factory) -> Path:
    """Ten rendered scenes, two of each scale, all in train."""
    folder = tmp_path_factory.mktemp("demo") / "scenes"
    size = ["--num-scenes", "10", "--max-per-scene", "6", "--num-frames", "6", "--frame-size", "224x168"]
    command = ["build", "--source", "synthetic", "--output", str(folder), *size, "--num-proc", "1", "--tasks", *TASKS]
    assert build_dataset(command) == 0
    return folder


@pytest.fixture(scope="session")
def samples(scenes_dir) -> Samples:
    return Samples(scenes_dir)


def _inputs(processor, messages, frames):
    text = processor.apply_chat_template([messages], tokenize=False, add_generation_prompt=len(messages) == 1)
    return processor(text=text, videos=[frames], return_tensors="pt")


def _learn(model, processor, sample, rows) -> None:
    """Train on a few rows until their replies are known by heart."""
    lessons = []
    for row in rows:
        seen = sample.clip.seen(LIMITS.num_frames, row["regions"], row["key_frames"])
        frames = [one.image for one in seen]
        whole = _inputs(processor, to_messages(row, frames, with_completion=True), frames)
        prompt = _inputs(processor, to_messages(row, frames), frames)["input_ids"].shape[1]
        labels = whole["input_ids"].clone()
        labels[:, :prompt] = -100
        lessons.append({**whole, "labels": labels})
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=4e-3)
    for _ in range(200):
        losses = []
        for lesson in lessons:
            optimizer.zero_grad()
            loss = model(**lesson).loss
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if max(losses) < LEARNED:
            return
    raise AssertionError(f"not learned: {losses}")


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory, samples) -> Path:
    """A tiny model that knows the first two replies of the first sample scene by heart."""
    sample = samples.open(0)
    texts = [text for row in sample.questions for text in (prompt_text(row), completion_text(row))]
    model, processor = build_tiny_model(texts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _learn(model, processor, sample, sample.questions[:2])
    folder = tmp_path_factory.mktemp("demo") / "tiny-spacevista"
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model(model_dir):
    from hub_cards.demo.model import StreamingModel

    return StreamingModel(str(model_dir), LIMITS)


@pytest.fixture(scope="session")
def write_video():
    """Write frames (T, H, W, 3) as H.264 in mp4."""

    def write(path: Path, frames: np.ndarray, fps: int = 10) -> Path:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=fps, options={"crf": "10"})
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            for picture in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture(scope="session")
def walk(tmp_path_factory, write_video, samples) -> Path:
    """Two seconds of video: the frames of a scene, each shown a third of a second."""
    frames = np.stack([np.asarray(one) for one in samples.open(0).clip.frames])
    return write_video(tmp_path_factory.mktemp("demo") / "walk.mp4", frames.repeat(3, axis=0)[:20])
