"""Camera motion: names and numbers against rotations composed by scipy, against pictures, and against symmetries."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import project
from dataset_builders.language import say, wordings
from dataset_builders.scene import Camera, Frame, Scene, validate_scene
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import lacking, view_change, view_measures
from dataset_builders.tasks.motion import camera_motions
from dataset_builders.taxonomy import METRES, SCALE_NAMES, SCALES

OF_RULE = {"turn_side": "turn", "turn_degrees": "turn", "swing": "turn"}
OF_RULE |= {"move_side": "move", "move_distance": "move", "distance": "move"}
RULES = {rule.name: rule for rule in (*view_change.RULES, *view_measures.RULES)}
INTRINSICS = np.array([[50.0, 0, 31.5], [0, 50.0, 23.5], [0, 0, 1]])
OPPOSITES = {
    "panning to the right": "panning to the left",
    "tilting up": "tilting down",
    "rolling clockwise": "rolling counter-clockwise",
    "rightward": "leftward",
    "upward": "downward",
    "forward": "backward",
}
OPPOSITES |= {other: one for one, other in OPPOSITES.items()}


def pose(rotation: Rotation | None = None, center=(0, 0, 0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = (rotation or Rotation.identity()).as_matrix()
    matrix[:3, 3] = center
    return matrix


def any_rotation(rng: np.random.Generator) -> Rotation:
    return Rotation.from_quat(rng.normal(size=4))


def scene_of(poses, scale="indoor", metric=True) -> Scene:
    blank = np.zeros((48, 64, 3), np.uint8)
    frames = tuple(Frame(Camera(INTRINSICS, np.asarray(one, float), 64, 48), blank) for one in poses)
    scene = Scene("s", "test", "CC0-1.0", scale, frames=frames, metric=metric)
    return validate_scene(scene, "test")


def facts(scene: Scene, *names: str, seed: int = 0) -> list:
    rules = [RULES[name] for name in names or RULES]
    return [fact for rule in rules for fact in rule.generate(scene, np.random.default_rng(seed))]


def between_ends(scene: Scene, wording: str, seed: int = 0) -> list:
    kind = wording.removeprefix("camera.")
    found = facts(scene, f"camera.{OF_RULE.get(kind, kind)}", seed=seed)
    return [fact for fact in found if fact.rule == wording and fact.prompt_type == "text"]


def both_ways(scene: Scene, wording: str) -> dict[int, list]:
    """Facts about the ends, by the way in which they are asked."""
    found: dict[int, list] = {}
    for seed in range(12):
        for fact in between_ends(scene, wording, seed):
            found.setdefault(fact.measured["way"], []).append(fact)
    return found


def reversed_name(answer: str) -> str:
    for name in sorted(OPPOSITES, key=len, reverse=True):
        answer = answer.replace(name, f"<{OPPOSITES[name].upper()}>")
    return answer.replace("<", "").replace(">", "").lower()


# Camera axes: x right, y down, z forward. Angles about Y, X, Z in this order.
TURNS = [
    ((30, 0, 0), "panning to the right"),
    ((-30, 0, 0), "panning to the left"),
    ((0, 20, 0), "tilting up"),
    ((0, -20, 0), "tilting down"),
    ((0, 0, 25), "rolling clockwise"),
    ((0, 0, -25), "rolling counter-clockwise"),
    ((20, 15, 0), "panning to the right and tilting up"),
    ((-12, 0, 14), "panning to the left and rolling clockwise"),
    ((0, -12, -12), "tilting down and rolling counter-clockwise"),
    ((15, -14, 12), "panning to the right, tilting down and rolling clockwise"),
]


@pytest.mark.parametrize(("angles", "name"), TURNS)
def test_rotations_have_the_names_of_vst(angles, name):
    first = Rotation.from_euler("ZYX", [40, -70, 110], degrees=True)
    last = first * Rotation.from_euler("YXZ", angles, degrees=True)
    ways = both_ways(scene_of([pose(first), pose(last)]), "camera.rotation")
    assert {fact.answer for fact in ways[1]} == {name}
    assert {fact.answer for fact in ways[-1]} == {reversed_name(name)}
    assert all(fact.words["start"] == "first frame" and fact.words["reference"] == "first frame" for fact in ways[1])
    assert all(fact.words["start"] == "last frame" and fact.words["reference"] == "first frame" for fact in ways[-1])


WAYS = [
    ((0, 0, 1), "forward"),
    ((0, 0, -1), "backward"),
    ((1, 0, 0), "rightward"),
    ((-1, 0, 0), "leftward"),
    ((0, -1, 0), "upward"),
    ((0, 1, 0), "downward"),
    ((1, 0, 0.8), "rightward and forward"),
    ((-0.6, -0.7, 1), "leftward, upward and forward"),
    ((0.1, 0.5, -1), "downward and backward"),
]


@pytest.mark.parametrize(("step", "name"), WAYS)
@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_translations_have_the_names_of_vst(step, name, scale):
    first = Rotation.from_euler("ZYX", [-20, 35, 160], degrees=True)
    way = 4 * SCALES[scale].margin * first.apply(step)
    scene = scene_of([pose(first, (5, 6, 7)), pose(first, np.add((5, 6, 7), way))], scale)
    ways = both_ways(scene, "camera.translation")
    assert {fact.answer for fact in ways[1]} == {name}
    assert {fact.answer for fact in ways[-1]} == {reversed_name(name)}


@pytest.mark.parametrize(
    ("name", "move", "point", "axis", "sign"),
    [
        ("panning to the right", pose(Rotation.from_euler("y", 10, degrees=True)), (0, 0, 5), 0, -1),
        ("tilting up", pose(Rotation.from_euler("x", 10, degrees=True)), (0, 0, 5), 1, 1),
        ("rolling clockwise", pose(Rotation.from_euler("z", 10, degrees=True)), (1, 0, 5), 1, -1),
        ("rightward", pose(center=(1, 0, 0)), (0, 0, 5), 0, -1),
        ("upward", pose(center=(0, -1, 0)), (0, 0, 5), 1, 1),
        ("forward", pose(center=(0, 0, 1)), (1, 0, 5), 0, 1),
    ],
)
def test_the_picture_shifts_as_vst_says(name, move, point, axis, sign):
    """Tables 34 and 35: a pan to the right shifts the content left, a tilt up shifts it down, and so on."""
    scene = scene_of([pose(), move])
    (before,), _ = project(np.array([point], float), scene.frames[0].camera)
    (after,), _ = project(np.array([point], float), scene.frames[1].camera)
    assert np.sign(after - before)[axis] == sign
    wording = "camera.rotation" if name.split()[0].endswith("ing") else "camera.translation"
    assert {fact.answer for fact in both_ways(scene, wording)[1]} == {name}


angles = st.floats(-40, 40).filter(lambda angle: abs(angle) > 1)
steps = st.tuples(*[st.floats(-3, 3)] * 3)


@settings(deadline=None, max_examples=25)
@given(angles, angles, angles, steps, st.integers(0, 10**6))
def test_numbers_are_those_of_the_poses(pan, tilt, roll, step, seed):
    first = any_rotation(np.random.default_rng(seed))
    last = first * Rotation.from_euler("YXZ", [pan, tilt, roll], degrees=True)
    scene = scene_of([pose(first), pose(last, step)])
    truth = {"pan": pan, "tilt": tilt, "roll": roll}
    for fact in between_ends(scene, "camera.turn_degrees", seed):
        assert (fact.answer, fact.unit) == (f"{abs(truth[fact.words['turn']]):.0f}", "degrees")
        assert abs(truth[fact.words["turn"]]) >= 8
    for fact in between_ends(scene, "camera.turn_side", seed):
        names = {"pan": "panning to the right", "tilt": "tilting up", "roll": "rolling clockwise"}
        name = names[fact.words["turn"]]
        turns_so = truth[fact.words["turn"]] * fact.measured["way"] > 0
        assert fact.answer == (name if turns_so else OPPOSITES[name])
    arrows = [one.as_matrix()[:, 2] for one in (first, last)]
    swing = np.degrees(np.arctan2(np.linalg.norm(np.cross(*arrows)), np.dot(*arrows)))
    assert [fact.answer for fact in between_ends(scene, "camera.swing", seed)] == [f"{swing:.0f}"] * int(swing >= 8)

    axes = dict(zip(("rightward", "downward", "forward"), first.as_matrix().T, strict=True))
    axes |= {OPPOSITES[name]: -axis for name, axis in axes.items()}
    for fact in between_ends(scene, "camera.move_distance", seed):
        along = fact.measured["way"] * np.dot(step, axes[fact.words["direction"]])
        assert float(fact.answer) * METRES[fact.unit] == pytest.approx(along, abs=0.051) and along >= 0.25
    for fact in between_ends(scene, "camera.move_side", seed):
        assert fact.measured["way"] * np.dot(step, axes[fact.answer]) >= 0.25
    for fact in between_ends(scene, "camera.distance", seed):
        assert float(fact.answer) * METRES[fact.unit] == pytest.approx(np.linalg.norm(step), abs=0.051)


def walk(seed: int = 4, num_frames: int = 6) -> list[np.ndarray]:
    """Steps and turns of random size, in camera axes."""
    rng = np.random.default_rng(seed)
    poses = [pose()]
    for _ in range(num_frames - 1):
        turn = Rotation.from_euler("YXZ", rng.uniform(-25, 25, 3), degrees=True)
        poses.append(poses[-1] @ pose(turn, rng.uniform(-1, 1, 3)))
    return poses


def told(found: list) -> list[tuple]:
    return [(fact.rule, fact.answer, fact.unit, sorted(fact.options), sorted(fact.words.items())) for fact in found]


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6))
def test_nothing_changes_when_the_world_is_moved(seed):
    rng = np.random.default_rng(seed)
    move = pose(any_rotation(rng), rng.uniform(-50, 50, 3))
    original = scene_of(walk())
    moved = scene_of([move @ one for one in walk()])
    assert len(facts(original)) > 60
    assert told(facts(moved)) == told(facts(original))


def test_lengths_grow_with_the_scene_and_angles_do_not():
    def enlarged(factor):
        poses = [one.copy() for one in walk()]
        for one in poses:
            one[:3, 3] *= factor
        return facts(scene_of(poses, "drone"))

    small, large = (
        {fact.key_frames: fact for fact in enlarged(factor) if fact.rule == "camera.distance"} for factor in (20, 60)
    )
    assert len(small.keys() & large.keys()) >= 10
    for key in small.keys() & large.keys():
        assert large[key].measured["distance_m"] == pytest.approx(3 * small[key].measured["distance_m"], rel=1e-5)
    turned = [Counter(fact.answer for fact in enlarged(factor) if fact.unit == "degrees") for factor in (20, 60)]
    assert turned[0] == turned[1] and turned[0].total() > 10


@pytest.mark.parametrize("angles", [(30, 0, 0), (0, -20, 0), (-12, 0, 14), (15, -14, 12)])
def test_playing_the_clip_backwards_flips_every_rotation(angles):
    last = Rotation.from_euler("YXZ", angles, degrees=True)
    clip = [pose(), pose(Rotation.from_rotvec(last.as_rotvec() / 2)), pose(last)]
    forth, back = scene_of(clip), scene_of(clip[::-1])
    for wording in ("camera.rotation", "camera.turn_side"):
        names = {fact.answer for fact in both_ways(forth, wording)[1]}
        assert names and {reversed_name(name) for name in names} == {
            fact.answer for fact in both_ways(back, wording)[1]
        }


def test_playing_a_straight_clip_backwards_flips_every_translation():
    clip = [pose(center=(0.5 * index, -0.7 * index, index)) for index in range(4)]
    names = [
        {fact.answer for fact in both_ways(scene_of(poses), "camera.translation")[1]} for poses in (clip, clip[::-1])
    ]
    assert names == [{"rightward, upward and forward"}, {"leftward, downward and backward"}]


@pytest.mark.parametrize(
    ("last", "wording"),
    [
        (pose(Rotation.from_euler("y", 7.5, degrees=True)), "camera.rotation"),
        (pose(Rotation.from_euler("YXZ", [20, 7, 0], degrees=True)), "camera.rotation"),
        (pose(Rotation.from_euler("y", 165, degrees=True)), "camera.turn_side"),
        (pose(center=(0.2, 0, 0.1)), "camera.translation"),
        (pose(center=(1, 0.35, 0)), "camera.translation"),
        (pose(center=(0.24, 0, 0)), "camera.distance"),
        (pose(Rotation.from_euler("YXZ", [100, -55, 40], degrees=True)), "camera.turn_degrees"),
    ],
)
def test_what_is_small_or_ambiguous_is_not_asked(last, wording):
    assert not between_ends(scene_of([pose(), last]), wording)


def test_a_turn_that_went_the_long_way_round_is_not_named():
    long_way = scene_of([pose(Rotation.from_euler("y", angle, degrees=True)) for angle in range(0, 271, 30)])
    short_way = scene_of([pose(Rotation.from_euler("y", angle, degrees=True)) for angle in range(0, -91, -30)])
    assert not between_ends(long_way, "camera.rotation") and not between_ends(long_way, "camera.turn_side")
    assert {fact.answer for fact in both_ways(short_way, "camera.rotation")[1]} == {"panning to the left"}
    (motion,) = camera_motions([frame.camera for frame in long_way.frames], [(0, 9)])
    assert motion.wound and motion.turn[0] == pytest.approx(-90)


def test_one_frame_asks_nothing_and_an_unknown_scale_asks_no_length():
    assert not facts(scene_of([pose()]))
    assert {fact.prompt_type for fact in facts(scene_of([pose(), walk()[1]]))} == {"text"}
    lost = scene_of(walk(), metric=False)
    assert [name for name, rule in RULES.items() if lacking(rule, lost)] == ["camera.translation", "camera.move"]


def test_marked_frames_are_told_by_points_of_two_colours():
    for fact in facts(scene_of(walk())):
        if fact.prompt_type == "point":
            assert len({region.colour for region in fact.regions}) == 2
            names = {f"frame with the {region.colour} point": region.frame_index for region in fact.regions}
            start, end = names[fact.words["start"]], names[fact.words["end"]]
            assert names[fact.words["reference"]] == min(start, end)
            assert np.sign(end - start) == fact.measured["way"]
            assert sorted(names.values()) == sorted(fact.key_frames)
        else:
            assert not fact.regions and fact.key_frames == (0, 5)


def test_options_come_with_their_opposites_and_are_right_equally_often():
    right, offered = Counter(), Counter()
    for seed in range(40):
        # A clip and its mirror image: cameras go left as often as right.
        mirror = np.diag([1.0 if seed % 2 else -1.0, 1, 1, 1])
        scene = scene_of([mirror @ one @ mirror for one in walk(seed // 2)])
        for fact in facts(scene, "camera.rotation", "camera.translation", seed=seed):
            assert set(fact.options) == {reversed_name(option) for option in fact.options}
            assert len(set(fact.options)) == len(fact.options) in (2, 4) and fact.answer in fact.options
            assert len({option.count(" and ") + option.count(", ") for option in fact.options}) == 1
            right[fact.answer] += 1
            offered.update({option: 1 / len(fact.options) for option in fact.options})
    assert right.total() > 250 and len(right) > 12
    for name, count in right.items():
        assert abs(count - offered[name]) < 4 * np.sqrt(offered[name]) + 1, name


@pytest.fixture(scope="module")
def rendered() -> list[Scene]:
    source = SyntheticSource(num_scenes=5, seed=5, num_frames=4, frame_size=(64, 48))
    return [source.load(ref) for ref in source.refs()]


def test_every_scale_gives_questions_in_words_and_by_marks(rendered):
    for scene in rendered:
        found = facts(scene)
        assert len(found) >= 20 and {fact.prompt_type for fact in found} == {"text", "point"}
        assert found == facts(scene) and told(found) != told(facts(scene, seed=1))
        for fact in found[::5]:
            question = say(fact, np.random.default_rng(0))
            assert "{" not in question.text and question.rationale.rstrip(".").endswith(
                f"{fact.answer} {fact.unit}".strip()
            )


def test_wordings_are_many_and_give_no_unit_of_length_away():
    for name in (
        "rotation",
        "turn_side",
        "turn_degrees",
        "swing",
        "translation",
        "move_side",
        "move_distance",
        "distance",
    ):
        wording = wordings()[f"camera.{name}"]
        assert len(wording.questions) >= 80 and len(wording.rationales) >= 3
        assert not any(unit in text for text in wording.questions for unit in (" m ", "metre", "meter", " cm"))


def test_the_real_kitchen_is_walked_as_its_poses_say(real_data):
    source = RgbdSource(real_data("sevenscenes_redkitchen"), num_frames=6)
    scene = source.load(source.refs()[0])
    distances = {fact.measured["distance_m"] for fact in facts(scene, "camera.move") if fact.rule == "camera.distance"}
    centers = np.array([frame.camera.camera_to_world[:3, 3] for frame in scene.frames])
    steps = np.linalg.norm(centers[:, None] - centers, axis=-1)
    assert distances and all(np.abs(steps - distance).min() < 1e-3 for distance in distances)
    assert max(distances) < 5
