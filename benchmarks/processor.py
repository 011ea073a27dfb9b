"""How fast a video becomes model-ready frames: `python benchmarks/processor.py [--video FILE] [--rounds N]`.

Both sides take the same file to the tensors of the same 16 frames of 200: SpaceVista's processor, and Qwen2.5-VL's
with the library's own decoding by PyAV. They take turns, in another order every round, so that a machine that slows
down slows both, and their tensors are compared each time. CPU time is what the cores spend; wall time also holds what
others took. Without a file of 960x540 pixels and 200 frames, one is encoded here.
"""

import argparse
import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles

import av
import numpy as np
import torch
from counts import at_least
from machine import describe_machine
from transformers import Qwen2_5_VLProcessor
from transformers.video_utils import VideoMetadata, load_video

from modeling_spacevista import SpaceVistaProcessor, build_tiny_model
from modeling_spacevista.selection import Selection

VIDEO = Path(__file__).parents[1].parent / "shared" / "data" / "sam2_videos" / "bedroom.mp4"
NUM_FRAMES = 16
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
PROMPT = "<|vision_start|><|video_pad|><|vision_end|>How far is the lamp?"
# Qwen2.5-VL's own limits of pixels; the tiny model's would make both sides do next to nothing after decoding.
SIZE = {"shortest_edge": 128 * 28 * 28, "longest_edge": 768 * 28 * 28}


def encode_video(path: Path, num_frames: int = 200, size: tuple[int, int] = (960, 540)) -> Path:
    """Encode a picture that moves, with some noise, as h264 at 30 frames per second."""
    width, height = size
    rng = np.random.default_rng(0)
    still = np.kron(rng.integers(40, 216, (height // 20, width // 10, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(num_frames):
            noise = rng.integers(0, 8, (height, width, 1), dtype=np.uint8)
            picture = np.ascontiguousarray(still[:, index * 4 % width :][:, :width] + noise)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def processors() -> tuple[SpaceVistaProcessor, Qwen2_5_VLProcessor]:
    """Return SpaceVista's processor and Qwen2.5-VL's, made of the same parts."""
    _, ours = build_tiny_model([PROMPT])
    ours.video_processor.size = SIZE
    parts = (ours.image_processor, ours.tokenizer, ours.video_processor)
    return ours, Qwen2_5_VLProcessor(*parts, chat_template=ours.chat_template)


def measure(video: Path | None = None, rounds: int = 15) -> dict:
    """Measure both sides in turn.

    Args:
        video: the file; `VIDEO` where it is there, else one that is encoded here.
        rounds: timed runs of each side, at least 2.

    Returns:
        Per clock, the seconds of each side and the ratio of ours to theirs (medians and quartiles).

    Raises:
        RuntimeError: if the two sides do not give the same tensors.
    """
    if video is None and VIDEO.exists():
        video = VIDEO
    if video is None:
        with tempfile.TemporaryDirectory() as folder:
            return measure(encode_video(Path(folder) / "encoded.mp4"), rounds)
    ours, theirs = processors()

    def choose(metadata, **_):
        return np.array(Selection(num_frames=NUM_FRAMES).indices(metadata.total_num_frames))

    def with_ours():
        return ours(text=[PROMPT], videos=[str(video)], num_frames=NUM_FRAMES, return_tensors="pt")

    def with_theirs():
        frames, metadata = load_video(str(video), backend="pyav", sample_indices_fn=choose)
        first, *_, last = (int(index) for index in metadata.frames_indices)
        # The library would take even shares of the whole video; this states the rate of these frames.
        rate = (NUM_FRAMES - 1) / (last - first) * metadata.fps
        stated = VideoMetadata(total_num_frames=NUM_FRAMES, fps=rate, frames_indices=list(range(NUM_FRAMES)))
        return theirs(text=[PROMPT], videos=[frames], video_metadata=[stated], return_tensors="pt")

    sides = {"spacevista": with_ours, "qwen2_5_vl": with_theirs}
    seconds = {clock: {name: [] for name in sides} for clock in CLOCKS}
    for turn in range(rounds + 1):
        results = {}
        for name in sorted(sides, reverse=turn % 2 == 0):
            started = {clock: now() for clock, now in CLOCKS.items()}
            results[name] = sides[name]()
            for clock, now in CLOCKS.items():
                seconds[clock][name].append(now() - started[clock])
        _check_equal(results["spacevista"], results["qwen2_5_vl"])
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        described = {"frames": stream.frames, "size": [stream.width, stream.height], "codec": stream.codec.name}
    return {
        "video": {"name": video.name, **described},
        "selected_frames": NUM_FRAMES,
        "grid_thw": results["spacevista"]["video_grid_thw"][0].tolist(),
        "rounds": rounds,
        **{clock: _compare(taken) for clock, taken in seconds.items()},
    }


def _compare(taken: dict[str, list[float]]) -> dict:
    """Return the seconds of each side and their ratio round by round, without the first round, which warms up."""
    ours, theirs = (taken[name][1:] for name in ("spacevista", "qwen2_5_vl"))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {"spacevista_seconds": _spread(ours), "qwen2_5_vl_seconds": _spread(theirs), "ratio": _spread(ratios)}


def _check_equal(ours, theirs):
    if ours.keys() != theirs.keys():
        raise RuntimeError(f"expected {sorted(theirs)}, got {sorted(ours)}")
    for name in ours:
        if not torch.equal(torch.as_tensor(ours[name]), torch.as_tensor(theirs[name])):
            raise RuntimeError(f"{name} differs between the two sides")


def _spread(values: list[float]) -> dict:
    lower, _, upper = quantiles(values, n=4)
    return {"median": round(median(values), 4), "quartiles": [round(lower, 4), round(upper, 4)]}


def main() -> None:
    """Measure, print the ratio and write `processor.json` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path, help="a video file (default: one of the shared data, else encoded)")
    parser.add_argument(
        "--rounds", type=at_least(2), default=15, help="timed runs of each side, at least 2 (default: 15)"
    )
    arguments = parser.parse_args()
    if arguments.video is not None and not arguments.video.is_file():
        parser.error(f"--video must be a file, got {arguments.video}")
    versions = {name: version(name) for name in ("torch", "torchvision", "transformers", "av")}
    threads = {"threads": torch.get_num_threads()}
    results = {"machine": describe_machine() | threads | {"versions": versions}}
    results |= measure(arguments.video, arguments.rounds)
    for clock in CLOCKS:
        ours, theirs, ratio = (results[clock][name] for name in ("spacevista_seconds", "qwen2_5_vl_seconds", "ratio"))
        sys.stdout.write(
            f"{clock}: {ours['median']:.3f} s beside {theirs['median']:.3f} s, "
            f"{ratio['median']:.2f} times Qwen2.5-VL's [{ratio['quartiles'][0]:.2f}, {ratio['quartiles'][1]:.2f}]\n"
        )
    Path(__file__).with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
