"""VSI-Bench's own points, against what it publishes and against the boxes they are drawn from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.scene import SceneObject
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.vsibench import answer, read_questions
from dataset_builders.vsibench_points import sampled_points, with_sampled_points


def box(size, turn=(0.0, 0.0, 0.0), center=(0.0, 0.0, 0.0)):
    rotation = Rotation.from_euler("xyz", turn).as_matrix()
    return SceneObject(1, "box", np.array(center), np.array(size, dtype=float), rotation)


@given(
    st.tuples(*[st.floats(0.02, 1.5)] * 3),
    st.tuples(*[st.floats(-3.2, 3.2)] * 3),
    st.tuples(*[st.floats(-9, 9)] * 3),
)
def test_points_lie_in_the_shell_of_their_box(size, turn, center):
    item = box(size, turn, center)
    points = sampled_points(item)
    local = np.abs((points - item.center) @ item.rotation.T)
    assert len(points) > 0
    assert (local <= item.size / 2 + 1e-12).all()
    assert (local > item.size / 4 - 1e-12).any(axis=1).all()


def test_an_upright_box_at_the_origin_keeps_its_faces():
    """Three points along each side, and of these 27 only the one in the middle is not in the shell."""
    points = sampled_points(box((0.15, 0.15, 0.15)))
    assert len(points) == 26
    assert np.unique(points) == pytest.approx([-0.075, 0, 0.075])


def test_where_rounding_drops_all_points_the_grid_is_finer():
    """In a cube of 4 cm the grid is one corner, which in some positions is out of the cube by the last bit."""
    rng = np.random.default_rng(0)
    cubes = [box((0.04, 0.04, 0.04), rng.uniform(-3, 3, 3), rng.uniform(-5, 5, 3)) for _ in range(100)]
    counts = [len(sampled_points(cube)) for cube in cubes]
    assert min(counts) == 1 < max(counts)


@pytest.mark.parametrize("kind", ["object_abs_distance", "object_rel_distance"])
def test_published_answers_come_out(real_data, kind):
    """All of them where products of matrices are fused as on common processors; a few points decide otherwise."""
    source = VsiMetaSource(real_data("vsi_meta_info"))
    scenes = {ref.scene_id: with_sampled_points(source.load(ref)) for ref in source.refs()}
    rows = [row for row in read_questions(real_data("vsibench_qa") / "eval_vsibench.json") if row.kind == kind]
    ours = [answer(row, scenes[row.scene_id]) for row in rows]
    ours = [round(one, 1) if kind == "object_abs_distance" else one for one in ours]
    agree = sum(one == row.answer for one, row in zip(ours, rows, strict=True))
    assert len(rows) == {"object_abs_distance": 624, "object_rel_distance": 426}[kind]
    assert agree >= 0.97 * len(rows)
