"""The versions of a file in Django's admin.

@admin.register(Document)
class DocumentAdmin(holdall.django.admin.Versions, admin.ModelAdmin):
    versions_of = "file"  # a FileField whose storage is holdall.django.Storage
"""

from typing import Any

from django.contrib.admin import display
from django.template.defaultfilters import filesizeformat
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from . import Storage, as_configured

__all__ = ["Versions"]

SHOWN = 50
"""How many versions are listed, the newest first."""


class Versions:
    """Lists the versions of a file on the page of its row, each with a URL that expires.

    versions_of: the name of the FileField.
    """

    versions_of = "file"

    def get_readonly_fields(self, request: Any, obj: Any = None) -> tuple[str, ...]:
        """Returns the fields of the admin, and the list of versions."""
        before: Any = super()
        return (*before.get_readonly_fields(request, obj), "stored_versions")

    @display(description="versions", empty_value="-")
    def stored_versions(self, row: Any) -> SafeString | None:
        """Returns the list as HTML; None where no file is stored."""
        file = getattr(row, self.versions_of)
        if not file or not isinstance(file.storage, Storage) or not file.storage.exists(file.name):
            return None
        store, expires = file.storage.store, file.storage._expires
        found = file.storage.drive.versions(file.name, limit=SHOWN)
        lines = (
            (store.url(version, expires=expires), localize(as_configured(version.created)), size)
            for version in found
            for size in [filesizeformat(version.size)]
        )
        return format_html(
            "<ul>{}</ul>", format_html_join("", '<li><a href="{}">{}</a>, {}</li>', lines)
        )
