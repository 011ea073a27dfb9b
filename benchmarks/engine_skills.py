"""Questions per second of each skill of VST, from a scene that is there to rows, in the way that the engine takes."""

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from dataset_builders.ask import ask
from dataset_builders.record import LetterBalance, to_record
from dataset_builders.scene import Scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import Rule
from dataset_builders.vst import CONFIGS

SCENES = 5  # one of each scale
FRAMES = 16
PER_SCENE = 42
RUNS = 3


def measure_skills() -> dict:
    """Return, by config and skill, questions (turns of conversations among them) and questions per second.

    Each skill is asked of scenes of which nothing is remembered yet, so that it pays for what it needs; `all` asks all
    skills of a config together, as a build does.
    """
    source = SyntheticSource(SCENES, seed=0, num_frames=FRAMES)
    scenes = [source.load(ref) for ref in source.refs()]
    measured = {"scenes": SCENES, "frames": FRAMES, "per_scene": PER_SCENE, "runs": RUNS}
    for name, rules in CONFIGS.items():
        measured[name] = {rule.name: _speed(scenes, [rule]) for rule in rules} | {"all": _speed(scenes, rules)}
    return measured


def _speed(scenes: Sequence[Scene], rules: Sequence[Rule]) -> dict:
    seconds, questions = [], 0
    for _ in range(RUNS):
        fresh = [replace(scene, frames=tuple(replace(frame) for frame in scene.frames)) for scene in scenes]
        started = time.perf_counter()
        questions = sum(_questions(scene, rules) for scene in fresh)
        seconds.append(time.perf_counter() - started)
    spent = median(seconds)
    return {"questions": questions, "seconds": round(spent, 3), "per_second": round(questions / spent)}


def _questions(scene: Scene, rules: Sequence[Rule]) -> int:
    letters = LetterBalance(scene.scene_id)
    rows = [to_record(question, scene, letters) for question in ask(scene, rules, 0, PER_SCENE).questions]
    return sum(1 + len(row["turns"]) for row in rows)
