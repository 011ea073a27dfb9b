"""Measurement as a conversation about marked objects of one picture; one helps to tell the other (VST, C.2)."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.visibility import frames_with_sightings
from dataset_builders.vst.camera_boxes import SCALES
from dataset_builders.vst.marking import marked_names
from dataset_builders.vst.measurement import NEEDS, Length, lengths

MOST_TURNS = len(REGION_COLOURS)
"""Each turn asks about an object in a colour of its own; all are drawn at once."""


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the height, or the largest dimension, of two to four objects of a frame, one after the other.

    Needs: boxes, frames, sightings, metric.
    Rule: that of `measurement`; what is asked about each object, and in which unit, is drawn.
    Dropped: as in `measurement`; objects of which one kind of mark does not suit all.
    Source: VST, appendix C.2 and table 24.
    """
    yield from take_turns(_of_frame(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene)))


def _of_frame(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    known: dict[int, list[Length]] = {}
    for length in lengths(scene, index):
        known.setdefault(length.view.item.instance_id, []).append(length)
    objects = list(shuffled(rng, known.values()))
    for start in range(0, len(objects) - 1, MOST_TURNS):
        asked = [pick(rng, choices) for choices in objects[start : start + MOST_TURNS]]
        named = marked_names([length.view for length in asked], scene, rng)
        if named is not None:
            first, *rest = (
                length.fact("vst.measurement_turns", name, mark)
                for length, name, mark in zip(asked, *named, strict=True)
            )
            yield replace(first, then=tuple(rest))


RULES = (Rule("vst.measurement_turns", "object_size", NEEDS, SCALES, generate),)
