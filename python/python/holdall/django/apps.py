"""The app, for what is only there with ``"holdall.django"`` in INSTALLED_APPS: the command, and a
check of the settings.
"""

from typing import Any

from django.apps import AppConfig
from django.core.checks import Error, Tags, register
from django.core.files.storage import InvalidStorageError, storages

__all__ = ["HoldallConfig"]


class HoldallConfig(AppConfig):
    """Adds ``manage.py holdall_check``."""

    name = "holdall.django"
    label = "holdall"
    verbose_name = "holdall"

    def ready(self) -> None:
        register(static_files_are_elsewhere, Tags.staticfiles)


def static_files_are_elsewhere(**_options: Any) -> list[Error]:
    """Refuses ``collectstatic`` into a store: pages that are cached would keep URLs that expire."""
    from . import Storage

    try:
        backend = storages["staticfiles"]
    except InvalidStorageError:
        return []
    if not isinstance(backend, Storage):
        return []
    return [
        Error(
            "STORAGES['staticfiles'] is a holdall storage, whose URLs are signed and expire.",
            hint="Keep static files in django.contrib.staticfiles.storage.StaticFilesStorage.",
            id="holdall.E001",
        )
    ]
