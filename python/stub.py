"""Writes the docstrings of the compiled module into its stub, where editors look for them.

``python3 python/stub.py`` writes them anew, ``--check`` fails where they differ. The package and
ruff must be installed.
"""

import ast
import inspect
import pathlib
import subprocess
import sys
import textwrap

import holdall._holdall as module

STUB = pathlib.Path(__file__).parent / "python" / "holdall" / "_holdall.pyi"
WIDTH = 100


def own_doc(name: str, owner: object) -> str | None:
    """The docstring of a name in a class or the module, if it is not one that everything has."""
    value = vars(owner).get(name) if owner is not module else getattr(module, name, None)
    if isinstance(value, staticmethod):
        value = value.__func__
    doc = getattr(value, "__doc__", None)
    shared = getattr(getattr(object, name, None), "__doc__", None)
    return inspect.cleandoc(doc) if doc and doc != shared and not name.startswith("_") else None


def quoted(doc: str, indent: str) -> list[str]:
    """The lines of a docstring."""
    if "\n" not in doc and len(indent) + len(doc) + 6 <= WIDTH:
        return [f'{indent}"""{doc}"""']
    lines = textwrap.indent(doc, indent).splitlines()
    return [f'{indent}"""{lines[0].lstrip()}', *lines[1:], f'{indent}"""']


def without_docs(text: str) -> str:
    """The stub without docstrings; a body that was one is an ellipsis behind its signature."""
    lines: list[str | None] = list(text.splitlines())
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0]
        if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)):
            continue
        if not isinstance(first.value.value, str):
            continue
        for at in range(first.lineno - 1, first.end_lineno or first.lineno):
            lines[at] = None
        if isinstance(node, ast.ClassDef):
            continue
        last = node.body[-1]
        if last is not first:
            lines[last.lineno - 1] = None
        at = first.lineno - 2
        lines[at] = f"{lines[at]} ..."
    return "\n".join(line for line in lines if line is not None) + "\n"


def with_docs(bare: str) -> str:
    """The stub with the docstrings of the module."""
    lines = bare.splitlines()
    insert: dict[int, list[str]] = {}
    for node in ast.parse(bare).body:
        if isinstance(node, ast.FunctionDef):
            add(node, module, lines, insert)
        elif isinstance(node, ast.ClassDef):
            doc = own_doc(node.name, module)
            if doc:
                insert[node.lineno] = quoted(doc, "    ")
            owner = getattr(module, node.name, None)
            for member in node.body:
                if owner is not None and isinstance(member, ast.FunctionDef):
                    add(member, owner, lines, insert)
                elif owner is not None and isinstance(member, ast.AnnAssign):
                    note(member, owner, insert)
    out: list[str] = []
    for number, line in enumerate(lines, 1):
        out.append(line)
        out.extend(insert.get(number, []))
    return "\n".join(out) + "\n"


def add(
    node: ast.FunctionDef, owner: object, lines: list[str], insert: dict[int, list[str]]
) -> None:
    """Puts the docstring of a function in place of its ellipsis."""
    doc = own_doc(node.name, owner)
    if not doc:
        return
    end = (node.end_lineno or node.lineno) - 1
    indent = " " * (node.col_offset + 4)
    lines[end] = lines[end].removesuffix(" ...")
    insert[end + 1] = quoted(doc, indent)


def note(node: ast.AnnAssign, owner: object, insert: dict[int, list[str]]) -> None:
    """Puts the docstring of an attribute behind it, where editors and documentation look."""
    if isinstance(node.target, ast.Name) and (doc := own_doc(node.target.id, owner)):
        insert[node.end_lineno or node.lineno] = quoted(doc, "    ")


def attributes_without_docs(text: str) -> str:
    """The stub without the texts behind attributes."""
    lines: list[str | None] = list(text.splitlines())
    for node in ast.parse(text).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for before, after in zip(node.body, node.body[1:], strict=False):
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if isinstance(before, ast.AnnAssign) and is_text and isinstance(after.value.value, str):
                for at in range(after.lineno - 1, after.end_lineno or after.lineno):
                    lines[at] = None
    return "\n".join(line for line in lines if line is not None) + "\n"


def made(text: str) -> str:
    """What the stub should be."""
    return with_docs(without_docs(attributes_without_docs(text)))


def main() -> int:
    """Writes the stub, or with --check tells whether it is right."""
    text = STUB.read_text(encoding="utf-8")
    right = made(text)
    # Compared without regard to the layout, which is ruff's.
    same = ast.dump(ast.parse(text)) == ast.dump(ast.parse(right))
    if "--check" in sys.argv[1:]:
        if not same:
            print(f"{STUB} has not the docstrings of the module: run {__file__}", file=sys.stderr)
        return int(not same)
    if not same:
        STUB.write_text(right, encoding="utf-8")
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(STUB)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
