"""Episodes of the toy world: written down as demonstrations, and acted out to measure how often a policy succeeds."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from trl_recipes.actions.reaching import MAX_STEPS, ReachingEnv, expert_action

Policy = Callable[[Sequence[Image.Image], Sequence[str]], np.ndarray]


def write_demonstrations(folder: Path, seeds: Iterable[int], side: int) -> int:
    """Let the scripted expert act out episodes and write them in LIBERO's layout, one file for each instruction.

    Args:
        folder: Made where it is missing.
        seeds: One for each episode.
        side: Of the pictures, in pixels.

    Returns:
        Successful episodes; the others are written too, as robots' are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    episodes = defaultdict(list)
    for seed in seeds:
        env = ReachingEnv.sample(seed)
        episodes[env.instruction].append(_act_out(env, side))
    for instruction, demonstrations in sorted(episodes.items()):
        with h5py.File(folder / f"{instruction.replace(' ', '_')}_demo.hdf5", "w") as file:
            data = file.create_group("data")
            data.attrs["problem_info"] = json.dumps({"language_instruction": instruction})
            data.attrs["macros_image_convention"] = "opencv"
            data.attrs["num_demos"] = len(demonstrations)
            for number, demonstration in enumerate(demonstrations):
                _write(data.create_group(f"demo_{number}"), *demonstration)
    return sum(bool(rewards[-1]) for many in episodes.values() for _, _, rewards in many)


def success_rate(policy: Policy, seeds: Iterable[int], side: int) -> float:
    """Act out episodes together and return the share that reaches its target.

    Args:
        policy: Pictures and instructions → actions (B, 7).
        seeds: One for each episode.
        side: Of the pictures, in pixels.
    """
    envs = [ReachingEnv.sample(seed) for seed in seeds]
    for _ in range(MAX_STEPS):
        active = [env for env in envs if not env.done]
        if not active:
            break
        actions = policy([env.render(side) for env in active], [env.instruction for env in active])
        for env, action in zip(active, actions, strict=True):
            env.step(action)
    return float(np.mean([env.success for env in envs]))


def _act_out(env: ReachingEnv, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return actions (T, 7), pictures (T, side, side, 3) and rewards (T,)."""
    pictures, actions = [], []
    while not env.done:
        pictures.append(np.asarray(env.render(side)))
        actions.append(expert_action(env))
        env.step(actions[-1])
    rewards = np.zeros(len(actions), np.uint8)
    rewards[-1] = env.success
    return np.stack(actions), np.stack(pictures), rewards


def _write(group: h5py.Group, actions: np.ndarray, pictures: np.ndarray, rewards: np.ndarray) -> None:
    group.attrs["num_samples"] = len(actions)
    group["actions"], group["rewards"] = actions, rewards
    done = np.zeros(len(actions), np.uint8)
    done[-1] = 1
    group["dones"] = done
    group.create_dataset("obs/agentview_rgb", data=pictures, compression="gzip", chunks=(1, *pictures.shape[1:]))
