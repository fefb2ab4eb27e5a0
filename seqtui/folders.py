"""The folders of the person who uses the program: where the settings lie, and what is remembered."""

import os
from pathlib import Path

CONFIG_VARIABLE = "SEQTUI_CONFIG_DIR"
STATE_VARIABLE = "SEQTUI_STATE_DIR"


def config_folder() -> Path:
    """Return $SEQTUI_CONFIG_DIR, or the program's folder among the user's configuration."""
    from platformdirs import user_config_path

    chosen = os.environ.get(CONFIG_VARIABLE)
    return Path(chosen) if chosen else user_config_path("seqtui", appauthor=False)


def state_folder() -> Path:
    """Return $SEQTUI_STATE_DIR, or the program's folder among the user's states."""
    from platformdirs import user_state_path

    chosen = os.environ.get(STATE_VARIABLE)
    return Path(chosen) if chosen else user_state_path("seqtui", appauthor=False)
