#!/usr/bin/env python3
"""Writes src/text/grapheme_tables.cc: where the `tokenizers` package sees characters joined.

The package shows its grapheme clusters in one place only: its Precompiled normalizer replaces a
cluster of less than six bytes by what the rule for the cluster's first character says. So a rule for
one character, and a mark behind it that is lost or kept, tell whether that character begins a cluster.
What can't be seen that way (regional indicators: two of them have eight bytes) has no effect either.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/text/make_grapheme_tables.py src/text/grapheme_tables.cc
"""
import base64
import json
import struct
import sys

import tokenizers
from tokenizers import Tokenizer

PACKAGE_VERSION = "0.23.3"
BLOCK = 128
CLASSES = ["other", "cr", "lf", "control", "extend", "zwj", "spacing_mark", "prepend",
           "regional_indicator", "l", "v", "t", "lv", "lvt", "pictographic"]
CONJUNCTS = ["none", "consonant", "linker", "extend"]
CR, LF, ZWJ = 0x0D, 0x0A, 0x200D
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and c not in (CR, LF)]
GRAVE, ACUTE = "\u0300", "\u0301"
L, V, T = "\u1100", "\u1161", "\u11a8"
KA, VIRAMA, COPYRIGHT = "\u0915", "\u094d", "\u00a9"


def charsmap(key, replacement):
    """sentencepiece's form of one rule: a double array with a block of units for each node."""
    path = key.encode()
    units = [1 << 31] * (256 * (len(path) + 2))
    at = 0
    for depth, label in enumerate(list(path) + [None]):
        children = 256 * (depth + 1)
        units[at] = (at ^ children) << 10 | (0 if depth == 0 else path[depth - 1])
        if label is None:
            units[at] |= 1 << 8
            units[children] = 1 << 31  # the replacement begins at 0
        else:
            at = children ^ label
    trie = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(trie)) + trie + replacement.encode() + b"\0"


def normalizer(key, replacement):
    """The package has no constructor from bytes of its own making but a whole file's."""
    file = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
            "normalizer": {"type": "Precompiled", "precompiled_charsmap":
                           base64.b64encode(charsmap(key, replacement)).decode()},
            "pre_tokenizer": None, "post_processor": None, "decoder": None,
            "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]], "byte_fallback": False}}
    return Tokenizer.from_str(json.dumps(file)).normalizer


def is_true_of(key, before, after, test):
    """The code points c for which test(what before + c + after becomes, with a rule for key) holds."""
    normalize = normalizer(key, "Z").normalize_str
    found = set()
    for begin in range(0, len(CODE_POINTS), 4096):
        part = CODE_POINTS[begin : begin + 4096]
        lines = normalize("".join(before + chr(c) + after + "\n" for c in part)).split("\n")
        found.update(c for c, line in zip(part, lines) if test(line))
    return found


def joins(key, before, after):
    """The c for which `key` in before + c + after, with a mark behind it, does not begin a cluster."""
    return is_true_of(key, before, after, lambda line: line.endswith(ACUTE))


def classify():
    follows = is_true_of("a", "a", "", lambda line: line == "Z")
    takes_marks = joins(GRAVE, "", GRAVE + ACUTE)
    prepends = joins("a", "", "a" + ACUTE)
    before_l, before_v, before_t = (joins(jamo, "", jamo + ACUTE) for jamo in (L, V, T))
    pictographic = joins(COPYRIGHT, "", chr(ZWJ) + COPYRIGHT + ACUTE)
    extends = joins(COPYRIGHT, COPYRIGHT, chr(ZWJ) + COPYRIGHT + ACUTE) & follows
    assert joins(COPYRIGHT, COPYRIGHT, COPYRIGHT + ACUTE) - prepends == {ZWJ}
    consonants = joins(KA, "", VIRAMA + KA + ACUTE) - prepends
    linkers = joins(KA, KA, KA + ACUTE) - prepends
    conjunct_extends = joins(KA, KA + VIRAMA, KA + ACUTE) - linkers - prepends - consonants
    classes, conjuncts = {CR: "cr", LF: "lf"}, {}
    for c in CODE_POINTS:
        syllable = 0xAC00 <= c < 0xAC00 + 11172
        found = []
        if c not in takes_marks:
            found.append("control")
        if c in follows:
            found.append("zwj" if c == ZWJ else "extend" if c in extends else "spacing_mark")
        if c in prepends:
            found.append("prepend")
        elif c in before_l:
            found.append("l")
        elif c in before_v:
            found.append("lv" if syllable else "v")
        elif c in before_t:
            found.append("lvt" if syllable else "t")
        if 0x1F1E6 <= c <= 0x1F1FF:
            found.append("regional_indicator")
        if c in pictographic and c not in prepends:
            found.append("pictographic")
        assert len(found) <= 1, (hex(c), found)
        classes[c] = found[0] if found else "other"
        conjuncts[c] = ("consonant" if c in consonants else "linker" if c in linkers else
                        "extend" if c in conjunct_extends else "none")
    return classes, conjuncts


def numbers(values, per_line=32):
    rows = (values[i : i + per_line] for i in range(0, len(values), per_line))
    return ",\n".join(",".join(str(v) for v in row) for row in rows)


def write(path, classes, conjuncts):
    values = [CLASSES.index(classes.get(c, "control")) | CONJUNCTS.index(conjuncts.get(c, "none")) << 4
              for c in range(0x110000)]
    blocks, block_of, stage1 = [], {}, []
    for begin in range(0, 0x110000, BLOCK):
        block = tuple(values[begin : begin + BLOCK])
        if block not in block_of:
            block_of[block] = len(blocks)
            blocks.append(block)
        stage1.append(block_of[block])
    assert len(blocks) <= 256
    with open(path, "w") as out:
        out.write(
            "// GENERATED by tools/text/make_grapheme_tables.py from the `tokenizers` package, version\n"
            f"// {tokenizers.__version__}. Do not edit.\n"
            '#include "text/grapheme_tables.h"\n\n'
            "// clang-format off\n"
            "namespace nopad::text::tables {\n\n"
            f"const uint8_t kGraphemeBlockOf[{len(stage1)}] = {{\n{numbers(stage1)}}};\n\n"
            f"const uint8_t kGraphemeClassOf[{len(blocks) * BLOCK}] = {{\n"
            f"{numbers([v for b in blocks for v in b])}}};\n\n"
            "}  // namespace nopad::text::tables\n")
    counts = {name: sum(v == name for v in classes.values()) for name in CLASSES}
    print(len(blocks), "blocks", counts)
    print({name: sum(v == name for v in conjuncts.values()) for name in CONJUNCTS})


def main():
    if tokenizers.__version__ != PACKAGE_VERSION:
        sys.exit(f"expected tokenizers {PACKAGE_VERSION}, got {tokenizers.__version__}")
    write(sys.argv[1], *classify())


if __name__ == "__main__":
    main()
