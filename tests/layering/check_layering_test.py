"""Plants one breach at a time in a small tree and expects check_layering to name it."""

import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

import check_layering  # noqa: E402  (the path above comes first)

TABLES = """
| module | what it is | may include |
|---|---|---|
| core | tensors | |
| io | files | core |
| text | tokens | io, core |

| library | its headers | for | may be included by |
|---|---|---|---|
| json | `nlohmann/` | JSON | io |
"""

CLEAN_TREE = {
    "docs/architecture.md": TABLES,
    "include/nopad/core/tensor.h": "#pragma once\n#include <vector>\n",
    "include/nopad/text/tokenizer.h": '#pragma once\n#include "nopad/core/tensor.h"\n',
    "src/core/CMakeLists.txt": "nopad_module(core SOURCES tensor.cc)\n",
    "src/core/tensor.cc": '#include "nopad/core/tensor.h"\n#include <sys/mman.h>\n',
    "src/io/CMakeLists.txt": "nopad_module(io SOURCES json.cc USES core)\n",
    "src/io/json.h": "#pragma once\n#include <nlohmann/json.hpp>\n",
    "src/text/CMakeLists.txt": "nopad_module(text SOURCES tokenizer.cc\n  USES io core PRIVATE_LIBRARIES X)\n",
    "src/text/tokenizer.cc": '#include "io/json.h"\n#include "table.inc"\n',
    "src/text/table.inc": "",
}


class CheckLayering(unittest.TestCase):
    def breaches(self, changed_files: dict[str, str]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve()
            for name, text in {**CLEAN_TREE, **changed_files}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return check_layering.check(root)[0]

    def expect(self, changed_files: dict[str, str], breach: str) -> None:
        self.assertEqual(self.breaches(changed_files), [breach])

    def test_a_clean_tree_has_no_breach(self):
        self.assertEqual(self.breaches({}), [])

    def test_an_include_of_a_higher_module(self):
        self.expect(
            {"src/core/tensor.cc": '#include <cmath>\n#include "nopad/text/tokenizer.h"\n'},
            'src/core/tensor.cc:2: core may not include text, got "nopad/text/tokenizer.h"',
        )

    def test_an_allowed_include_that_cmake_does_not_link(self):
        self.expect(
            {"src/text/CMakeLists.txt": "nopad_module(text SOURCES tokenizer.cc USES core)\n"},
            'src/text/tokenizer.cc:1: "io/json.h": expected io in the USES of src/text/CMakeLists.txt',
        )

    def test_a_link_that_the_table_forbids(self):
        self.expect(
            {"src/core/CMakeLists.txt": "nopad_module(core SOURCES tensor.cc USES io)\n"},
            "src/core/CMakeLists.txt: core may not use io",
        )

    def test_a_link_by_target_that_the_table_forbids(self):
        self.expect(
            {"src/io/CMakeLists.txt": "nopad_module(io USES core)\ntarget_link_libraries(x nopad::text)\n"},
            "src/io/CMakeLists.txt: io may not use text",
        )

    def test_a_public_header_that_includes_a_library(self):
        self.expect(
            {"include/nopad/io/json.h": "#include <nlohmann/json.hpp>\n"},
            "include/nopad/io/json.h:1: a public header includes only C++ headers, got nlohmann/json.hpp",
        )

    def test_a_public_header_that_includes_a_system_header(self):
        self.expect(
            {"include/nopad/core/tensor.h": "#include <unistd.h>\n"},
            "include/nopad/core/tensor.h:1: a public header includes only C++ headers, got unistd.h",
        )

    def test_a_public_header_that_includes_a_private_one(self):
        self.expect(
            {"include/nopad/text/tokenizer.h": '#include "io/json.h"\n'},
            'include/nopad/text/tokenizer.h:1: a public header includes the private "io/json.h"',
        )

    def test_a_library_in_a_module_that_may_not_have_it(self):
        self.expect(
            {"src/text/tokenizer.cc": '#include "nlohmann/json.hpp"\n'},
            "src/text/tokenizer.cc:1: text may not include nlohmann/json.hpp",
        )

    def test_an_unknown_library(self):
        self.expect(
            {"src/core/tensor.cc": "#include <boost/any.hpp>\n"},
            "src/core/tensor.cc:1: boost/any.hpp is not in this tree"
            " and in no library of docs/architecture.md",
        )

    def test_an_include_in_a_comment_is_none(self):
        self.assertEqual(
            self.breaches({"src/core/tensor.cc": '/*\n#include "nopad/text/tokenizer.h"\n*/\n// #include <x/y>\n'}),
            [],
        )

    def test_lines_are_counted_behind_a_comment(self):
        self.expect(
            {"src/core/tensor.cc": "/*\n\n*/\n#include <boost/any.hpp>\n"},
            "src/core/tensor.cc:4: boost/any.hpp is not in this tree"
            " and in no library of docs/architecture.md",
        )

    def test_headers_that_include_one_another(self):
        self.expect(
            {"src/io/a.h": '#include "io/b.h"\n', "src/io/b.h": '#include "io/a.h"\n'},
            "cycle: src/io/a.h -> src/io/b.h -> src/io/a.h",
        )

    def test_a_table_that_would_allow_a_cycle(self):
        self.expect(
            {"docs/architecture.md": TABLES.replace("| tensors | |", "| tensors | text |")},
            "docs/architecture.md: core: may include only modules of the rows above, got text",
        )

    def test_a_folder_without_a_row(self):
        self.expect(
            {"src/train/CMakeLists.txt": "nopad_module(train SOURCES fit.cc)\n"},
            "src/train: expected a row in docs/architecture.md, got none",
        )

    def test_a_row_without_a_folder(self):
        self.expect(
            {"docs/architecture.md": TABLES.replace("| text |", "| nn | layers | core |\n| text |")},
            "docs/architecture.md: nn: expected a folder in src/, got none",
        )

    def test_no_table_at_all(self):
        self.assertIn("expected a table", self.breaches({"docs/architecture.md": "# Architecture\n"})[0])

    def test_a_file_outside_every_module(self):
        self.expect(
            {"src/helpers.h": "#include <vector>\n"},
            "src/helpers.h:1: expected in a module's folder, got a file that belongs to none",
        )


if __name__ == "__main__":
    unittest.main()
