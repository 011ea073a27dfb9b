"""Helpers that tests of several packages use."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `chat_server`
