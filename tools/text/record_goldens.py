#!/usr/bin/env python3
"""Records what the `tokenizers` package gives, for tests/data/text. See the README there.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/text/record_goldens.py tests/data/text
"""
import json
import os
import random
import sys
import zlib

import tokenizers
from compare_with_package import DIFFICULT, bert, byte_offsets

PACKAGE_VERSION = "0.23.3"
BLOCK = 4096
SETTINGS = [(True, None), (False, None), (True, False), (False, True)]
TEXTS = [
    "", " ", "\t\n ", "\u200b", "hello boy", "i am a fish", "Hello, World!", "unaffable", "don't",
    "The quick brown fox jumps over the lazy dog.", "A library for reading and writing .tar.gz files (C++17)",
    "foo@example.org; http://example.org/~user?x=1&y=2#top", "3.14159 1,000,000 50% $9.99 \u20ac5 \u00bd \u00b2",
    "na\u00efve caf\u00e9 Z\u00fcrich \u00c5ngstr\u00f6m \u00d8re Stra\u00dfe \u0141\u00f3d\u017a \u0130stanbul D\u017eungla",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0419\u043e\u0434 \u0456 \u0457\u0436\u0430\u043a", "\u039f\u0394\u039f\u03a3 \u039f\u03b4\u03cc\u03c2 \u1f00\u03c1\u03c7\u03ae \u1fb3", "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645\u060c \u0643\u064e\u062a\u064e\u0628\u064e \u061f", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e \u0964 \u0958\u093c", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01\u4e2d\u6587\u548cEnglish\u6df7\u5408", "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c\u3002\u30ab\u30bf\u30ab\u30ca \uff76\uff9e \u30d1", "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4", "\U0001f600 \U0001f469\u200d\U0001f4bb \u2764\ufe0f \u2603",
    "a\u0301\u0323\u0327e\u0308\u0304", "\u302e\u0323\u302f\u0301", "x\u0344\u0323y", "\u1b13\u1b44\u1b13\u0301", "\ud55c\u302e\uae00\u302f",
    "\u0f40\u0f71\u0f74\u0f73", "\ufb01nal \ufdfa \u2460 \u2126 \u212b \u212a", "a\x85b\x0bc\x0cd\x00e\u00adf\ufefff\ufffdg\u2028h\u2029i\xa0j\u3000k",
    "[CLS] a [SEP] b[MASK]c [cls] [PAD][UNK] [ SEP ]", "x" * 100, "x" * 101, "e\u0301" * 100, "e\u0301" * 101, "\u4e2d" * 101,
    "a" * 99 + "-" + "b" * 101 + " c", "\u00df" * 100 + "\u1e9e", "supercalifragilisticexpialidocious " * 3, "^^^^ ~~~ ``` $$$ +++ <<<>>> |||",
    "\U00020000\U0002b820\U0002b920\uf900\U0002f800", "\u2e43\u2e52\u166d\u061d", "\u1734\u1885\ua9bd\U000111c9",
]
PAIRS = [("hello boy", "i am a fish"), ("", "b"), ("a", ""), ("", ""), ("\u4f60\u597d", "caf\u00e9 [SEP] x")]


def record_code_points(path):
    with open(path, "w") as out:
        for lowercase, strip_accents in SETTINGS:
            unknown = bert({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}, lowercase, strip_accents)
            normalize = unknown.normalizer.normalize_str
            for begin in range(0, 0x110000, BLOCK):
                crc = 0
                for c in range(begin, begin + BLOCK):
                    if 0xD800 <= c < 0xE000:
                        continue
                    for text in (chr(c), "a" + chr(c) + "B"):
                        offsets = byte_offsets(text)
                        spans = ",".join(f"{offsets[b]}-{offsets[e]}" for b, e in
                                         unknown.encode(text, add_special_tokens=False).offsets)
                        crc = zlib.crc32(f"{normalize(text)}\0{spans}\n".encode(), crc)
                out.write(f"{crc:08x}\n")


def record_encodings(path, vocab):
    rng = random.Random(4)
    texts = TEXTS + ["".join(rng.choices(DIFFICULT + "      ", k=rng.randint(1, 24))) for _ in range(150)]
    with open(path, "w") as out:
        for lowercase, strip_accents in SETTINGS:
            tokenizer = bert(vocab, lowercase, strip_accents)
            for record in [(text,) for text in texts] + PAIRS:
                encoding = tokenizer.encode(*record)
                offsets = [byte_offsets(text) for text in record]
                spans = [[0, 0] if source is None else [offsets[source][b], offsets[source][e]]
                         for (b, e), source in zip(encoding.offsets, encoding.sequence_ids)]
                json.dump({"texts": record, "lowercase": lowercase, "strip_accents": strip_accents,
                           "ids": encoding.ids, "type_ids": encoding.type_ids,
                           "sources": [0 if s is None else s + 1 for s in encoding.sequence_ids],
                           "spans": spans, "decoded": tokenizer.decode(encoding.ids)}, out,
                          separators=(",", ":"))
                out.write("\n")


def main():
    if tokenizers.__version__ != PACKAGE_VERSION:
        sys.exit(f"expected tokenizers {PACKAGE_VERSION}, got {tokenizers.__version__}")
    folder = sys.argv[1]
    with open(os.path.join(folder, "minilm", "vocab.txt"), encoding="utf-8") as lines:
        vocab = {line.rstrip(): i for i, line in enumerate(lines)}
    record_encodings(os.path.join(folder, "encodings.jsonl"), vocab)
    record_code_points(os.path.join(folder, "code_points.txt"))


if __name__ == "__main__":
    main()
