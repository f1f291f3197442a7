"""The app, for what is only there with ``"holdall.django"`` in INSTALLED_APPS: the command."""

from django.apps import AppConfig

__all__ = ["HoldallConfig"]


class HoldallConfig(AppConfig):
    """Adds ``manage.py holdall_check``."""

    name = "holdall.django"
    label = "holdall"
    verbose_name = "holdall"
