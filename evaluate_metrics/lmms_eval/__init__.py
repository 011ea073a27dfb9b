"""For users of lmms-eval: SpaceVista-Bench as a task, and SpaceVista models as a model.

The task is found by `--include_path` of the folder `tasks` here; the model is found by its name, `spacevista`, through
an entry point, wherever both packages are installed.
"""


def manifest():
    """Tell lmms-eval of the model; named as entry point `lmms_eval.models` in setup.py."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest("spacevista", chat_class_path="evaluate_metrics.lmms_eval.model.SpaceVista")
