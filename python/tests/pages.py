"""The pages of the documentation, and the blocks of code in them."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
PAGES = {"README": ROOT / "README.md"} | {
    path.stem: path for path in sorted((ROOT.parent / "docs" / "python").glob("*.md"))
}


def blocks(page: str, language: str = "python") -> list[str]:
    """The blocks of a page in the order they stand in."""
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page].read_text(), re.DOTALL)


def name_of(block: str) -> str | None:
    """The file that a block is saved as, which its first line names."""
    found = re.match(r"# ([\w/]+\.py)\b", block)
    return found[1] if found else None


def save(page: str, folder: pathlib.Path) -> list[str]:
    """Saves the blocks of a page as the files they are; returns their names."""
    named = [(name, block) for block in blocks(page) if (name := name_of(block))]
    for name, block in named:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(block)
    return [name for name, _ in named]


def commands(page: str, program: str) -> list[str]:
    """What a reader types that begins with a program's name."""
    lines = "".join(blocks(page, "console")).splitlines()
    return [line[2:] for line in lines if line.startswith(f"$ {program} ")]
