"""What runs a model: conversations in, completions out, behind one interface in three small files.

`open_backend` imports the one that is asked for, so that none needs what another does.
"""

from dataset_builders.errors import InputError
from evaluate_metrics.backends.base import Backend, BackendOptions, Completion

BACKENDS = ("transformers", "vllm", "openai")
_MODEL_EXTRA = 'pip install "spacevista[model]"'


def open_backend(options: BackendOptions) -> Backend:
    """Load a model or get in touch with a server.

    Raises:
        InputError: if it cannot be used, or a package is missing.
    """
    try:
        if options.backend == "vllm":
            from evaluate_metrics.backends.vllm import VllmBackend as chosen
        elif options.backend == "openai":
            from evaluate_metrics.backends.openai import OpenAIBackend as chosen
        else:
            from evaluate_metrics.backends.transformers import TransformersBackend as chosen
        return chosen(options)
    except ModuleNotFoundError as error:
        fix = f"install it with {'pip install vllm' if error.name == 'vllm' else _MODEL_EXTRA}"
        raise InputError("run", "python", f"lacks the package {error.name}", fix) from error


__all__ = ["BACKENDS", "Backend", "BackendOptions", "Completion", "open_backend"]
