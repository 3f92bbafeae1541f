#!/usr/bin/env python3
"""Records tokenizers of all kinds and what they make of difficult texts, for tests/data/text/kinds.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/text/record_kinds.py tests/data/text/kinds LINES

LINES is a text file to train the small vocabularies on. Of each kind there is one file: its first line is the
tokenizer.json, each other one a record. byte-level.code_points holds a checksum of each 4096 code points.
"""
import json
import os
import random
import sys
import zlib

import pipelines
import tokenizers
from compare_with_package import byte_offsets

PACKAGE_VERSION = "0.23.3"
TEXTS = [
    "", " ", "\t\n ", "   ", "a", " a", "a ", "  hello  world  ", "Hello, World!", "don't I'm WE'LL it's 's ''s", "the-final--countdown---x",
    "x\n\n y \r\n\r\n  z\u00a0\u2003w\u3000", "12,345.67 \u00bd\u00b2\u2163 \u0663\u0664 a1b22", "na\u00efve cafe\u0301 Caf\u00e9 gnome shell's lib libx two  x",
    "<s> a</s><mask> [CLS] <E9>  b  <mask>x<unk>", "\u2581a\u2581\u2581b_c_ __", "\u4f60\u597d\uff0c\u4e16\u754c \u3053\u3093\u30ab\u30ca\u30fc \uc548\ub155 abc\u0436\u0437 \u03b1\u03b2",
    "\U0001f600\U0001f469\u200d\U0001f4bb \u2764\ufe0f\U000e0041 \ud7a3\U00031350", "\u05e9\u05b8\u05c1 \u0645\u0631\u062d \u0928\u0940\u0902 \u0e2a\u0e27\u0e31", "\u0300a\u0301\u0323 \ufb01 \ufdfa \u212b \u0130 \u00df",
    "\x00\x01\x7f\x85\u00ad\u200b\ufeff\ufffd\ufffe\U0010ffff", "a" * 50 + "b", "!!??...;;((()))---", "the quick brown fox", "\u201cquoted\u201d \u2014 dash\u2026 \u20ac5",
]
PAIRS = [("the quick", "brown fox jumps over"), ("", "b"), ("a  ", ""), ("Hello, World! Caf\u00e9", " don't \u4f60\u597d")]
LONG = "The package provides a library for 12 programs."


def tokens_of(encoding, offsets):
    """Spans are in one row; sources and types are digits."""
    spans = []
    for (begin, end), source in zip(encoding.offsets, encoding.sequence_ids):
        spans += [0, 0] if source is None else [offsets[source][begin], offsets[source][end]]
    return {"ids": encoding.ids, "spans": spans, "type_ids": "".join(map(str, encoding.type_ids)),
            "sources": "".join("0" if s is None else str(s + 1) for s in encoding.sequence_ids)}


def record(tokenizer, texts):
    encoding = tokenizer.encode(*texts)
    offsets = [byte_offsets(text) for text in texts]
    return {"texts": texts, **tokens_of(encoding, offsets), "decoded": tokenizer.decode(encoding.ids),
            "decoded_with_special": tokenizer.decode(encoding.ids, skip_special_tokens=False)}


def record_windows(tokenizer, texts, side):
    tokenizer.enable_truncation(14, stride=3, direction=side)
    encoding = tokenizer.encode(*texts)
    tokenizer.no_truncation()
    offsets = [byte_offsets(text) for text in texts]
    windows = [tokens_of(e, offsets) for e in [encoding] + encoding.overflowing]
    for window in windows[1:]:
        del window["type_ids"]  # the package gives the types of a template to the first window only
    return {"texts": texts, "side": side, "max_length": 14, "stride": 3, "windows": windows}


def record_kind(path, tokenizer, lines, windows):
    with open(path, "w") as out:
        def write(value):
            json.dump(value, out, separators=(",", ":"))
            out.write("\n")
        write(json.loads(tokenizer.to_str()))
        for texts in [(text,) for text in TEXTS + lines] + PAIRS:
            write(record(tokenizer, texts))
        for side in ("left", "right") if windows else ():
            write(record_windows(tokenizer, (LONG,), side))
            write(record_windows(tokenizer, (LONG, PAIRS[0][1]), side))


def record_code_points(path, tokenizer):
    with open(path, "w") as out:
        for begin in range(0, 0x110000, 4096):
            crc = 0
            for c in range(begin, begin + 4096):
                if 0xD800 <= c < 0xE000:
                    continue
                for text in (chr(c), "a" + chr(c) + "1 " + chr(c) + "b"):
                    encoding = tokenizer.encode(text, add_special_tokens=False)
                    offsets = byte_offsets(text)
                    spans = ",".join(f"{i}:{offsets[b]}-{offsets[e]}" for i, (b, e) in zip(encoding.ids, encoding.offsets))
                    crc = zlib.crc32(f"{spans}\n".encode(), crc)
            out.write(f"{crc:08x}\n")


def main():
    if tokenizers.__version__ != PACKAGE_VERSION:
        sys.exit(f"expected tokenizers {PACKAGE_VERSION}, got {tokenizers.__version__}")
    folder, path = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    with open(path, encoding="utf-8", errors="replace") as file:
        texts = [line for line in file.read().split("\n") if line]
    rng = random.Random(6)
    lines = [text[:120] for text in rng.sample(texts, 12)]
    kinds = pipelines.make_kinds(texts[:800], 320)
    for name, tokenizer in kinds.items():
        is_model = not name.startswith("pieces-")
        record_kind(os.path.join(folder, f"{name}.jsonl"), tokenizer, lines if is_model else [],
                    name in ("byte-level", "wordpiece-template", "word-level", "unigram"))
    roberta = pipelines.byte_level(texts[:800], 1000)
    record_kind(os.path.join(folder, "byte-level-1000.jsonl"), roberta, [t[:100] for t in rng.sample(texts, 200)], True)
    record_code_points(os.path.join(folder, "byte-level.code_points"), roberta)


if __name__ == "__main__":
    main()
