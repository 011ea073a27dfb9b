"""What pytest must leave alone: modules that are for users of a package that is not installed."""

from importlib.util import find_spec

collect_ignore = (
    [] if find_spec("lmms_eval") else [f"evaluate_metrics/lmms_eval/{name}.py" for name in ("model", "task")]
)
