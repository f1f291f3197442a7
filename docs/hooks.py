"""Hooks of mkdocs: pages outside of docs/, and links to files that are not on the site."""

import pathlib
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[1]
# Pages that are not in docs/, and where they are on the site.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELIABILITY.md": "reliability.md",
    "SECURITY.md": "security.md",
    "THREATMODEL.md": "threatmodel.md",
    "cli/README.md": "cli.md",
    "ffi/README.md": "c/index.md",
    "http/README.md": "rust/http.md",
    "python/README.md": "python/index.md",
    "examples/c/README.md": "c/server-c.md",
    "examples/cpp/README.md": "c/server-cpp.md",
    "examples/nginx/README.md": "c/nginx.md",
    "examples/go/README.md": "c/go.md",
    "examples/node/README.md": "c/node.md",
    "examples/java/README.md": "c/java.md",
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files, config):
    """Adds the pages of the root."""
    for source, target in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Points links at the site's pages; what has none becomes text."""
    target = page.file.src_uri
    source = next((there for there, here in PAGES.items() if here == target), f"docs/{target}")

    def replaced(found):
        image, text, link = found.groups()
        path, mark, anchor = link.partition("#")
        if "://" in link or not path:
            return found[0]
        to = (ROOT / source).parent.joinpath(path).resolve().relative_to(ROOT).as_posix()
        there = PAGES.get(to) or (to.removeprefix("docs/") if to.startswith("docs/") else None)
        if there is None or files.get_file_from_path(there) is None:
            return text if not image else found[0]
        depth = target.count("/")
        return f"{image}[{text}]({'../' * depth}{there}{mark}{anchor})"

    outside = re.split(r"(```.*?```)", markdown, flags=re.DOTALL)
    outside[::2] = [LINK.sub(replaced, part) for part in outside[::2]]
    return "".join(outside)
