"""Which of two to four marked and named objects is the nearest, or the farthest (VST, tables 20 and 21)?"""

from collections.abc import Iterator, Sequence

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.visibility import frames_with_sightings
from dataset_builders.tasks.wording import joined, tidy
from dataset_builders.vst.camera_boxes import SCALES
from dataset_builders.vst.depth_lists import FORMS, NEEDS, Listed, clear_groups, references

SUPERLATIVES = {"nearest": "nearest to", "farthest": "farthest from"}


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which object is the nearest to the camera, or the farthest from it, with all of them as options.

    Needs, Rule, Dropped: as for drawn marks in `depth_lists.generate`.
    Source: VST, appendix C.2 and tables 20 and 21.
    """
    streams = [
        _of_frame(scene, index, form, rng)
        for index in frames_with_sightings(scene)
        for form in FORMS
        if form.startswith("drawn")
    ]
    yield from take_turns(shuffled(rng, streams))


def _of_frame(scene: Scene, index: int, form: str, rng: np.random.Generator) -> Iterator[Fact]:
    for group in clear_groups(scene, index, form, rng):
        yield _fact(scene, index, form, group, rng)


def _fact(scene: Scene, index: int, form: str, group: Sequence[Listed], rng: np.random.Generator) -> Fact:
    marks, _, regions = references(scene, form, group, rng)
    names = [f"{one.category} ({mark})" for one, mark in zip(group, marks, strict=True)]
    depths = {name: one.spot.depth for name, one in zip(names, group, strict=True)}
    asked = pick(rng, SUPERLATIVES)
    best = (min if asked == "nearest" else max)(depths, key=depths.__getitem__)
    return Fact(
        rule="vst.depth_nearest",
        task="depth_estimation",
        answer_type="multiple_choice",
        prompt_type=FORMS[form],
        answer=best,
        options=tuple(names),
        open_ended=True,
        semantics=tuple(one.category for one in group),
        measured={"relation": asked, "depths_m": {name: tidy(depth) for name, depth in depths.items()}},
        regions=regions,
        key_frames=(index,),
        words={
            "listed": joined([f"the {name}" for name in names], "or"),
            "superlative": SUPERLATIVES[asked],
            "depths": joined([f"{name} {depth:.2f} m" for name, depth in depths.items()], "and"),
            "best": f"{depths[best]:.2f} m",
        },
    )


RULES = (Rule("vst.depth_nearest", "depth_estimation", NEEDS, SCALES, generate),)
