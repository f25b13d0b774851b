"""Libraries that only some settings need: what is missing is said before anything is taught."""

from __future__ import annotations

import importlib.util

from configs.errors import ConfigError


def require(module: str, library: str, setting: str, extra: str, without: str) -> None:
    """Refuse a setting whose library is not installed.

    Parameters
    ----------
    module, library
        What is imported, and what it is called.
    setting
        The setting that asks for it.
    extra
        The extra of this package that brings it.
    without
        What there is when the setting is off.

    Raises
    ------
    ConfigError
        It names the extra to install.
    """
    if importlib.util.find_spec(module) is None:
        raise ConfigError(
            f"{setting} needs {library}, which is not installed",
            where=setting,
            available=without,
            next_move=f"install the extra: uv sync --extra {extra}, or pip install 'moments-of-truth[{extra}]'",
        )
