"""What is known to go wrong in programs of others, and why."""

#: Why a case goes wrong, by a short name.
REASONS = {
    "empty": "It does not accept an archive without entries (by the command line, 22 bytes; the same from any writer).",
    "wav": "It has no page of its own for WAV, and saves it; in an `<audio>` of another page it plays.",
}

#: The program, the case, and the reason.
KNOWN: dict[tuple[str, str], str] = {
    ("unzip", "nothing"): "empty",
    ("minizip", "nothing"): "empty",
    ("Firefox", "wav"): "wav",
}

#: What the page says of the cases.
HELD = {
    "archives": {
        "plain": "files, empty files, folders with and without content, stored",
        "deflate": "the same, deflated",
        "names": "other scripts, two dots, equal but for case, reserved by Windows, 255 bytes",
        "times": "of 1960, 1985, 2026 and 2040",
        "modes": "a file that may be run and one that may not",
        "epub": "a book, with `mimetype` first, stored, without extra fields",
        "nothing": "no entry",
        "zip64": "70,100 entries",
    },
    "columns": [
        "\"time shown\" is UTC where a reader takes the time in UTC and shows it in its own zone, and DOS where it takes the",
        "other time, as local or as UTC: `Archive::utc_offset` is for those that take it as local. \"execute bit\" says whether it sets the execute bit.",
    ],
    "urls": {
        "download": (
            "a presigned URL of 3 MB (pip: a wheel, npm: a package, yt-dlp: a sound, ffmpeg, ffprobe and mpv: a film "
            "with its index at the end, zsync: what differs from an older file)"
        ),
        "resume": "the same, where a part is there already",
        "archive resumed": "an archive, where a part is there already",
        "one download allowed": "a URL with `--max-uses 1`, which is one use however many requests the client makes",
        "direct link": "a permanent address",
    },
    "browsers": [
        "Each is a URL with `--inline`, opened as a page of its own: the browser's player has begun, the picture, the page",
        "of the PDF and the text are there, and no script of the file has run. \"film, one download allowed\" is in a `<video>` of another page,",
        "which jumps about in it: a URL with `--max-uses 1` and `--cross-origin cross-origin`.",
    ],
}


def known(name: str, case: str) -> str | None:
    return KNOWN.get((name, case))
