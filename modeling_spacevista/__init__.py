"""SpaceVista's model: the folder that a model repository carries (it imports nothing of the other packages)."""

from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from .configuration_spacevista import SpaceVistaConfig
from .decoding import VideoFile
from .gates import load_balance_loss, plot_gates, router_z_loss
from .interop import load_adapters, save_adapter
from .modeling_spacevista import SpaceVistaForConditionalGeneration
from .processing_spacevista import SpaceVistaProcessor
from .tiny import build_tiny_model

AutoConfig.register(SpaceVistaConfig.model_type, SpaceVistaConfig, exist_ok=True)
AutoModelForImageTextToText.register(SpaceVistaConfig, SpaceVistaForConditionalGeneration, exist_ok=True)
AutoProcessor.register(SpaceVistaConfig, SpaceVistaProcessor, exist_ok=True)

__all__ = [
    "SpaceVistaConfig",
    "SpaceVistaForConditionalGeneration",
    "SpaceVistaProcessor",
    "VideoFile",
    "build_tiny_model",
    "load_adapters",
    "load_balance_loss",
    "plot_gates",
    "router_z_loss",
    "save_adapter",
]
