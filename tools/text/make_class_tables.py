#!/usr/bin/env python3
"""Writes src/text/class_tables.cc: letters, numbers and scripts as the `tokenizers` package sees them.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/text/make_class_tables.py src/text/class_tables.cc

Each character is shown to a pre-tokenizer beside one whose class is known: they stay together if and only
if the classes are the same. So the tables hold the Unicode versions that were compiled into the package.
"""
import sys

import tokenizers
from tokenizers import pre_tokenizers

PACKAGE_VERSION = "0.23.3"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HEADER = """// Written by tools/text/make_class_tables.py from tokenizers {version}; do not edit.
#include "text/class_tables.h"

// clang-format off
namespace nopad::text::tables {{

"""


def joined(pre_tokenizer, text):
    return len(pre_tokenizer.pre_tokenize_str(text)) == 1


def ranges_of(belongs):
    """[first, last] of each run; surrogates, which no text has, do not end one."""
    out = []
    for c in CODE_POINTS:
        if not belongs(c):
            continue
        if out and out[-1][1] == (c - 1 if c != 0xE000 else 0xD7FF):
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def scripts():
    """Where the script changes: [first code point, number]. 0 goes with any script."""
    split = pre_tokenizers.UnicodeScripts()
    examples = []  # examples[i] has script i + 1
    out = []
    for c in CODE_POINTS:
        text = chr(c)
        if joined(split, "a" + text) and joined(split, "\u0436" + text):
            script = 0
        elif out and out[-1][1] != 0 and joined(split, examples[out[-1][1] - 1] + text):
            script = out[-1][1]
        else:
            script = next((i + 1 for i, e in enumerate(examples) if joined(split, e + text)), 0)
            if script == 0:
                examples.append(text)
                script = len(examples)
        if not out or out[-1][1] != script:
            out.append([c, script])
    return out


def write_pairs(out, kind, name, pairs, numbers):
    out.write(f"const {kind} {name}[] = {{\n")
    line = "   "
    for pair in pairs:
        item = " {" + ", ".join(f(n) for f, n in zip(numbers, pair)) + "},"
        if len(line + item) > 100:
            out.write(line + "\n")
            line = "   "
        line += item
    out.write(f"{line}\n}};\nconst size_t {name}Size = {len(pairs)};\n\n")


def main():
    if tokenizers.__version__ != PACKAGE_VERSION:
        sys.exit(f"expected tokenizers {PACKAGE_VERSION}, got {tokenizers.__version__}")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = pre_tokenizers.Digits(individual_digits=False)
    with open(sys.argv[1], "w") as out:
        out.write(HEADER.format(version=PACKAGE_VERSION))
        for name, belongs in [
            ("kLetters", lambda c: joined(byte_level, "a" + chr(c))),
            ("kNumbers", lambda c: joined(byte_level, "1" + chr(c))),
            ("kDigits", lambda c: joined(digits, "1" + chr(c))),
        ]:
            write_pairs(out, "CodePointRange", name, ranges_of(belongs), (hex, hex))
        write_pairs(out, "ScriptStart", "kScripts", scripts(), (hex, str))
        out.write("}  // namespace nopad::text::tables\n")


if __name__ == "__main__":
    main()
