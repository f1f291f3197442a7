"""Checks the store of a storage: ``manage.py holdall_check [--content] [--storage NAME]``."""

from typing import Any

from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError, CommandParser

from holdall.django import Storage


class Command(BaseCommand):
    """Checks the store while it is in use, and changes nothing. Damage is an error."""

    help = "Checks the store of a holdall storage while it is in use, and changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--storage", default="default", help="its name in STORAGES")
        parser.add_argument(
            "--content", action="store_true", help="read and hash all content again"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        storage = storages[options["storage"]]
        if not isinstance(storage, Storage):
            raise CommandError(f"storage {options['storage']!r} is not a holdall.django.Storage")
        report = storage.store.check(content=options["content"])
        counts = f"{report.files} files, {report.versions} versions, {report.blobs} blobs"
        self.stdout.write(f"checked {counts}, {report.bytes} bytes")
        if report.is_sound:
            self.stdout.write(self.style.SUCCESS("nothing is wrong"))
            return
        for problem in report.problems:
            self.stderr.write(problem)
        for damage in report.damaged:
            self.stderr.write(f"{damage.message}: {', '.join(damage.paths) or 'in the trash'}")
        raise CommandError(
            f"{len(report.problems)} problems, {len(report.damaged)} damaged contents, "
            f"{len(report.unread)} not read"
        )
