#!/usr/bin/env python3
"""Checks that every #include and every CMake link follows the tables in docs/architecture.md.

Usage: tools/check_layering.py [ROOT]

The tables are the rule, there is no second copy of them. Checked are:
- the table of modules: one row per folder in src/, and each row includes only rows above it, so that
  no cycle of modules can be written down;
- each #include in include/nopad/ and src/: the edge stands in the table and in the module's USES;
- each nopad_module(... USES ...): its edges stand in the table;
- public headers: only the standard library and other public headers;
- third-party headers: only in the modules that the table of libraries names;
- headers: no cycle of files.
Prints one line per breach and exits with 1; prints a summary and exits with 0 when there is none.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

MODULE_TABLE = ["module", "what it is", "may include"]
LIBRARY_TABLE = ["library", "its headers", "for", "may be included by"]
SOURCE_SUFFIXES = {".h", ".cc", ".inc"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
STANDARD_HEADER = re.compile(r"[a-z_]+(\.h)?|(sys|linux)/[a-z_]+\.h")
STANDARD_PUBLIC_HEADER = re.compile(r"[a-z_]+")
USES = re.compile(r"nopad_module\s*\([^)]*\bUSES\b([\sa-z_]*)")
LINKS = re.compile(r"target_link_libraries\s*\(([^)]*)\)")


@dataclass
class Rules:
    may_include: dict[str, set[str]]  # module -> modules, in the table's order
    libraries: dict[str, set[str]]  # how a header's name begins -> modules


@dataclass(frozen=True)
class Include:
    file: Path
    line: int
    name: str
    is_quoted: bool


def table_rows(text: str, header: list[str]) -> list[list[str]]:
    """The cells below the first Markdown table that has this header; none without one."""
    rows, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            if inside:
                break
        elif inside:
            rows.append(cells)
        elif cells == header:
            inside = True
    return rows[1:]  # the first is the rule below the header


def names(cell: str) -> list[str]:
    return re.findall(r"[\w/.]+", cell)


def read_rules(root: Path) -> Rules:
    text = (root / "docs/architecture.md").read_text(encoding="utf-8")
    modules = {row[0]: set(names(row[2])) for row in table_rows(text, MODULE_TABLE)}
    libraries = {
        header: set(names(row[3]))
        for row in table_rows(text, LIBRARY_TABLE)
        for header in names(row[1])
    }
    return Rules(modules, libraries)


def table_breaches(rules: Rules, root: Path) -> list[str]:
    where = "docs/architecture.md"
    if not rules.may_include:
        return [f"{where}: expected a table with the columns {MODULE_TABLE}, got none"]
    breaches, above = [], set()
    for module, allowed in rules.may_include.items():
        breaches += [
            f"{where}: {module}: may include only modules of the rows above, got {other}"
            for other in sorted(allowed - above)
        ]
        above.add(module)
    folders = {path.name for path in (root / "src").iterdir() if path.is_dir()}
    breaches += [f"src/{name}: expected a row in {where}, got none" for name in sorted(folders - above)]
    breaches += [f"{where}: {name}: expected a folder in src/, got none" for name in sorted(above - folders)]
    return breaches


def module_of(path: Path, root: Path) -> str | None:
    """The module that a file of include/nopad/ or src/ belongs to."""
    parts = path.relative_to(root).parts
    below = parts[2:] if parts[:2] == ("include", "nopad") else parts[1:] if parts[0] == "src" else ()
    return below[0] if len(below) > 1 else None


def is_public(path: Path, root: Path) -> bool:
    return path.is_relative_to(root / "include")


def source_files(root: Path) -> list[Path]:
    folders = [root / "include", root / "src"]
    found = [path for folder in folders for path in folder.rglob("*") if path.suffix in SOURCE_SUFFIXES]
    return sorted(found)


def includes_of(path: Path) -> list[Include]:
    # A comment keeps its line breaks, so that the line numbers stay right.
    text = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), path.read_text(encoding="utf-8"))
    return [
        Include(path, text.count("\n", 0, match.start()) + 1, match[2], match[1] == '"')
        for match in INCLUDE.finditer(text)
    ]


def resolve(include: Include, root: Path) -> Path | None:
    """The file of this tree that the compiler takes, or none for headers from elsewhere."""
    folders = [include.file.parent] if include.is_quoted else []
    for folder in [*folders, root / "include", root / "src"]:
        candidate = (folder / include.name).resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate
    return None


def foreign_breach(include: Include, module: str, rules: Rules, public: bool) -> str | None:
    """What is wrong with a header that is not of this tree."""
    if public:
        is_cpp = not include.is_quoted and STANDARD_PUBLIC_HEADER.fullmatch(include.name)
        return None if is_cpp else f"a public header includes only C++ headers, got {include.name}"
    for beginning, modules in rules.libraries.items():
        if include.name.startswith(beginning):
            return None if module in modules else f"{module} may not include {include.name}"
    if not include.is_quoted and STANDARD_HEADER.fullmatch(include.name):
        return None
    return f"{include.name} is not in this tree and in no library of docs/architecture.md"


def include_breach(
    include: Include, target: Path | None, rules: Rules, uses: dict[str, set[str]], root: Path
) -> str | None:
    """What is wrong with an include, none where nothing is."""
    module, public = module_of(include.file, root), is_public(include.file, root)
    if module is None:
        return "expected in a module's folder, got a file that belongs to none"
    if target is None:
        return foreign_breach(include, module, rules, public)
    other = module_of(target, root)
    if public and not is_public(target, root):
        return f'a public header includes the private "{include.name}"'
    if other is None:
        return f'"{include.name}" belongs to no module'
    if other == module:
        return None
    if other not in rules.may_include.get(module, set()):
        return f'{module} may not include {other}, got "{include.name}"'
    if other not in uses.get(module, set()):
        return f'"{include.name}": expected {other} in the USES of src/{module}/CMakeLists.txt'
    return None


def read_uses(root: Path) -> dict[str, set[str]]:
    """module -> what its CMakeLists.txt links, e.g. {"ops": {"core", "kernels"}}."""
    uses: dict[str, set[str]] = {}
    for path in sorted((root / "src").glob("*/CMakeLists.txt")):
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        linked = uses.setdefault(path.parent.name, set())
        for listed in USES.findall(text):
            linked.update(listed.split())
        for arguments in LINKS.findall(text):  # programs name the modules' targets
            linked.update(re.findall(r"\bnopad::(\w+)", arguments))
    return uses


def link_breaches(rules: Rules, uses: dict[str, set[str]]) -> list[str]:
    return [
        f"src/{module}/CMakeLists.txt: {module} may not use {other}"
        for module, linked in uses.items()
        for other in sorted((linked & set(rules.may_include)) - rules.may_include.get(module, set()))
        if other != module
    ]


def find_cycle(graph: dict[Path, list[Path]]) -> list[Path]:
    """A closed walk of files that include one another; empty where there is none."""
    done: set[Path] = set()
    for start in graph:
        path, stack = [], [(start, False)]
        while stack:
            file, is_left = stack.pop()
            if is_left:
                done.add(path.pop())
            elif file in path:
                return [*path[path.index(file) :], file]
            elif file not in done:
                path.append(file)
                stack += [(file, True), *((next_file, False) for next_file in graph.get(file, []))]
    return []


def check(root: Path) -> tuple[list[str], int]:
    """All breaches, and the number of includes that were looked at."""
    rules, uses = read_rules(root), read_uses(root)
    breaches = table_breaches(rules, root) + link_breaches(rules, uses)
    graph: dict[Path, list[Path]] = {}
    count = 0
    for path in source_files(root):
        for include in includes_of(path):
            count += 1
            target = resolve(include, root)
            if target is not None and target != path:  # Highway's sources include themselves
                graph.setdefault(path, []).append(target)
            breach = include_breach(include, target, rules, uses, root)
            if breach:
                breaches.append(f"{path.relative_to(root)}:{include.line}: {breach}")
    cycle = find_cycle(graph)
    if cycle:
        breaches.append("cycle: " + " -> ".join(str(path.relative_to(root)) for path in cycle))
    return breaches, count


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    breaches, count = check(root)
    for breach in breaches:
        print(breach, file=sys.stderr)
    if not breaches:
        print(f"layering: {count} includes follow docs/architecture.md")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
