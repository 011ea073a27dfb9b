"""The toy world: the expert solves it, chance seldom does, and what is drawn is where it says."""

import numpy as np
import pytest

from trl_recipes.actions.demonstrations import load_demonstrations
from trl_recipes.actions.reaching import COLOURS, MAX_STEPS, STEP, ReachingEnv, expert_action, random_action
from trl_recipes.actions.rollout import success_rate

SEEDS = range(5_000, 5_200)


def _env(gripper, target=(0.9, 0.9)):
    return ReachingEnv(np.array(gripper), np.array(target), "red")


def _acting(act):
    """Return the share of episodes that `act(env)` solves, without a picture."""
    solved = []
    for seed in SEEDS:
        env = ReachingEnv.sample(seed)
        while not env.done:
            env.step(act(env))
        solved.append(env.success)
    return np.mean(solved)


def test_the_expert_succeeds_and_chance_seldom_does():
    generator = np.random.default_rng(0)
    assert _acting(expert_action) > 0.97
    assert _acting(lambda _: random_action(generator)) < 0.2
    assert _acting(lambda env: np.array([1.0, 1.0, 0, 0, 0, 0, 0])) < 0.2  # and who goes one way alone


def test_the_same_seed_is_the_same_episode():
    first, again, other = (ReachingEnv.sample(seed) for seed in (3, 3, 4))
    assert (first.gripper == again.gripper).all() and first.instruction == again.instruction
    assert (np.asarray(first.render(56)) == np.asarray(again.render(56))).all()
    assert (first.gripper != other.gripper).any()


def test_a_step_moves_right_and_away_and_stays_on_the_table():
    env = _env((0.5, 0.5))
    env.step(np.array([1.0, -0.5, 1, 1, 1, 1, 1]))
    assert env.gripper == pytest.approx([0.5 + STEP, 0.5 - STEP / 2])
    env.step(np.array([100.0, 0, 0, 0, 0, 0, 0]))
    assert env.gripper[0] == pytest.approx(0.5 + 2 * STEP)
    for _ in range(9):
        env.step(np.array([1.0, 0, 0, 0, 0, 0, 0]))
    assert env.gripper[0] == 1


def test_the_target_and_time_end_an_episode():
    assert _env((0.9, 0.85)).success and _env((0.9, 0.85)).done
    assert not _env((0.5, 0.5)).done
    late = _env((0.5, 0.5))
    late.steps = MAX_STEPS
    assert late.done and not late.success


def test_the_block_is_drawn_in_its_colour_where_it_is_from_the_gripper():
    pixels = np.asarray(_env((0.5, 0.4)).render(160)).astype(int)
    rows, columns = np.nonzero((pixels == COLOURS["red"]).all(-1))
    # 160 pixels for 1.6 sides of the table, the gripper in the middle.
    assert (columns.mean() - 79.5) / 100 == pytest.approx(0.4, abs=0.01)
    assert (79.5 - rows.mean()) / 100 == pytest.approx(0.5, abs=0.01)


def test_written_demonstrations_are_those_of_the_expert(demonstrations):
    rows, counts = load_demonstrations(demonstrations)
    assert counts.kept + counts.failed == 12 and not counts.refused
    env = ReachingEnv.sample(0)
    first = next(row for row in rows if row["instruction"] == env.instruction and row["demonstration"] == "demo_0")
    assert first["action"] == pytest.approx(expert_action(env).tolist())


def test_a_success_rate_counts_the_episodes_that_end_well():
    twin = ReachingEnv.sample(0)

    def expert(pictures, instructions):
        assert instructions == [twin.instruction] and pictures[0].size == (56, 56)
        action = expert_action(twin)
        twin.step(action)
        return action[None]

    def stays(pictures, _):
        return np.zeros((len(pictures), 7))

    assert success_rate(expert, [0], 56) == 1 and success_rate(stays, range(10), 56) == 0
