#!/usr/bin/env python3
"""Writes src/text/unicode_tables.cc: what the `tokenizers` package knows of each code point.

The package takes its character classes from several versions of Unicode at once, so no published
table gives the same tokens. This script asks the package itself about every code point.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/text/make_unicode_tables.py src/text/unicode_tables.cc
"""
import functools
import sys

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

PACKAGE_VERSION = "0.23.3"
BLOCK = 128
FLAGS = ["control", "space", "punctuation", "chinese", "mark", "decomposes", "lowers", "word"]
BIT = {name: 1 << i for i, name in enumerate(FLAGS)}
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def bert_normalizer(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **on})


def each_alone(normalizer):
    """What the normalizer makes of each code point between two letters that it leaves alone."""
    out = {}
    for begin in range(0, len(CODE_POINTS), 4096):
        part = CODE_POINTS[begin : begin + 4096]
        text = "".join("x" + chr(c) + "x\n" for c in part if c != 0x0A)
        lines = iter(normalizer.normalize_str(text).split("\n"))
        for c in part:
            line = "x\nx" if c == 0x0A else next(lines)
            assert line[0] == line[-1] == "x", hex(c)
            out[c] = line[1:-1]
    return out


def classify_clean(flags):
    normalize = bert_normalizer(clean_text=True).normalize_str
    for c in CODE_POINTS:
        made = normalize("x" + chr(c) + "x")[1:-1]
        if made == "":
            flags[c] |= BIT["control"]
        elif made == " ":
            flags[c] |= BIT["space"]
        else:
            assert made == chr(c), hex(c)


def classify_splits(flags):
    """BertPreTokenizer drops spaces and isolates punctuation."""
    splitter = pre_tokenizers.BertPreTokenizer()
    for c in CODE_POINTS:
        pieces = [piece for piece, _ in splitter.pre_tokenize_str("x" + chr(c) + "x")]
        if pieces == ["x", "x"]:
            assert flags[c] & (BIT["space"] | BIT["control"]), hex(c)
            flags[c] |= BIT["space"]
        elif pieces == ["x", chr(c), "x"]:
            flags[c] |= BIT["punctuation"]
        else:
            assert pieces == ["x" + chr(c) + "x"] and not flags[c] & BIT["space"], hex(c)


def classify_chinese(flags):
    for c, made in each_alone(bert_normalizer(handle_chinese_chars=True)).items():
        if made == " " + chr(c) + " ":
            flags[c] |= BIT["chinese"]
        else:
            assert made == chr(c), hex(c)


def classify_words(flags):
    """`\\w`: a single_word token is found beside a character only if that is not in \\w."""
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "[T]": 1}, unk_token="[UNK]"))
    tokenizer.add_tokens([AddedToken("[T]", single_word=True, normalized=False)])
    for c in CODE_POINTS:
        after = 1 in tokenizer.encode("[T]" + chr(c)).ids
        before = 1 in tokenizer.encode(chr(c) + "[T]").ids
        assert after == before, hex(c)
        if not after:
            flags[c] |= BIT["word"]


def is_hangul_syllable(c):
    return 0xAC00 <= c < 0xAC00 + 11172


def hangul(c):
    lead, vowel, tail = (c - 0xAC00) // 588, (c - 0xAC00) % 588 // 28, (c - 0xAC00) % 28
    return chr(0x1100 + lead) + chr(0x1161 + vowel) + (chr(0x11A7 + tail) if tail else "")


def decompositions(flags):
    out = {}
    for c, made in each_alone(normalizers.NFD()).items():
        if is_hangul_syllable(c):
            assert made == hangul(c), hex(c)  # computed by arithmetic in unicode.cc
        elif made != chr(c):
            assert 1 <= len(made) <= 4, hex(c)
            flags[c] |= BIT["decomposes"]
            out[c] = made
    return out


def lower_cases(flags):
    out = {}
    for c, made in each_alone(normalizers.Lowercase()).items():
        if made != chr(c):
            assert 1 <= len(made) <= 4, hex(c)
            flags[c] |= BIT["lowers"]
            out[c] = made
    return out


def classify_marks(flags):
    for c, made in each_alone(bert_normalizer(strip_accents=True)).items():
        if made == "" and not flags[c] & BIT["decomposes"]:
            flags[c] |= BIT["mark"]


def reorder_ranks(flags):
    """Ranks that order as canonical combining classes do; 0 for starters."""
    nfd = normalizers.NFD().normalize_str

    def swaps(first, second):
        made = "x" + chr(second) + chr(first)
        return first != second and nfd("x" + chr(first) + chr(second)) == made

    lowest, highest = 0x0334, 0x0345  # classes 1 and 240; checked below by the order of all others
    moving = [c for c in CODE_POINTS
              if not is_hangul_syllable(c) and not flags[c] & BIT["decomposes"]
              and (swaps(c, lowest) or swaps(highest, c))]
    assert not any(swaps(lowest, c) or swaps(c, highest) for c in moving)
    compare = lambda a, b: 1 if swaps(a, b) else -1 if swaps(b, a) else 0
    moving.sort(key=functools.cmp_to_key(compare))
    ranks, rank = {}, 0
    for previous, c in zip([None] + moving, moving):
        rank += previous is None or compare(previous, c) != 0
        ranks[c] = rank
    return ranks


def numbers(values, per_line=24):
    rows = (values[i : i + per_line] for i in range(0, len(values), per_line))
    return ",\n".join(",".join(str(v) for v in row) for row in rows)


def mappings(name, table):
    rows = []
    for c, made in sorted(table.items()):
        to = ",".join(f"0x{ord(ch):x}" for ch in made)
        rows.append(f"{{0x{c:x},{{{to}}}}}")
    lines = ",\n".join(",".join(rows[i : i + 4]) for i in range(0, len(rows), 4))
    return f"const Mapping {name}[{len(rows)}] = {{\n{lines}}};\nconst size_t {name}Size = {len(rows)};\n"


def write(path, flags, ranks, decomposition, lower):
    classes, class_of = [], {}
    ids = []
    for c in range(0x110000):
        key = (flags[c], ranks.get(c, 0))
        if key not in class_of:
            class_of[key] = len(classes)
            classes.append(key)
        ids.append(class_of[key])
    assert len(classes) <= 256
    blocks, block_of, stage1 = [], {}, []
    for begin in range(0, 0x110000, BLOCK):
        block = tuple(ids[begin : begin + BLOCK])
        if block not in block_of:
            block_of[block] = len(blocks)
            blocks.append(block)
        stage1.append(block_of[block])
    with open(path, "w") as out:
        out.write(
            "// GENERATED by tools/text/make_unicode_tables.py from the `tokenizers` package, version\n"
            f"// {tokenizers.__version__}. Do not edit.\n"
            '#include "text/unicode_tables.h"\n\n'
            "// clang-format off\n"
            "namespace nopad::text::tables {\n\n"
            f"const CharClass kClasses[{len(classes)}] = {{\n"
            + ",\n".join(",".join("{%d,%d}" % k for k in classes[i : i + 12])
                         for i in range(0, len(classes), 12))
            + "};\n\n"
            f"const uint16_t kBlockOf[{len(stage1)}] = {{\n{numbers(stage1)}}};\n\n"
            f"const uint8_t kClassOf[{len(blocks) * BLOCK}] = {{\n"
            f"{numbers([i for b in blocks for i in b], 32)}}};\n\n"
            + mappings("kDecompositions", decomposition) + "\n" + mappings("kLowerCases", lower)
            + "\n}  // namespace nopad::text::tables\n")
    print(f"{len(classes)} classes, {len(blocks)} blocks, {len(decomposition)} decompositions, "
          f"{len(lower)} lower cases, {len(set(ranks.values()))} ranks of {len(ranks)} marks")


def main():
    if tokenizers.__version__ != PACKAGE_VERSION:
        sys.exit(f"expected tokenizers {PACKAGE_VERSION}, got {tokenizers.__version__}")
    flags = [0] * 0x110000
    classify_clean(flags)
    classify_splits(flags)
    classify_chinese(flags)
    classify_words(flags)
    decomposition = decompositions(flags)
    lower = lower_cases(flags)
    classify_marks(flags)
    ranks = reorder_ranks(flags)
    write(sys.argv[1], flags, ranks, decomposition, lower)


if __name__ == "__main__":
    main()
