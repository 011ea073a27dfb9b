"""What a stranger has: the public packages and nothing of this project, which cannot even be imported by accident.

Run as `python -I outsider.py SCRIPT ARGUMENTS…`; the script then runs as if this project did not exist.
"""

import importlib.abc
import importlib.metadata
import runpy
import sys

OURS = ("dataset_builders", "evaluate_metrics", "hub_cards", "modeling_spacevista", "trl_recipes")


class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in OURS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _distribution(name, find=importlib.metadata.distribution):
    if name == "spacevista":
        raise importlib.metadata.PackageNotFoundError(name)
    return find(name)


def main():
    sys.meta_path.insert(0, Refuse())
    importlib.metadata.distribution = _distribution
    for ours in OURS:
        try:
            __import__(ours)
        except ModuleNotFoundError:
            continue
        raise SystemExit(f"{ours} can be imported, so this shows nothing")
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
