#!/usr/bin/env python3
"""Records what the `tokenizers` package's normalizers make of all code points, and of hard texts.

    venv/bin/python tools/text/record_normalizers.py tests/data/text

Writes normalizers/code_points.txt, one line per normalizer with a checksum per 4096 code points, and
normalizers/cases.jsonl, with each character's bytes in the source. The charsmap is that of
unigram-xlm-roberta.
"""
import base64
import json
import os
import random
import sys
import zlib

import tokenizers
from tokenizers import Regex, Tokenizer, pre_tokenizers

from record_unigram import PACKAGE_VERSION, byte_offsets, charsmap_of, model_path

BLOCK = 4096
TEXTS_PER_PIPELINE = 60
HARD = (
    "abAZ \t\r\n.,``''\u00a0\u00ad\x00\x01\x0b\x7f\x85\u0130\u03a3\u017f\u00e9\u0300\u0301\u0316\u0323\u0327\u0334\u0338\u0344"
    "\u0345\u0958\u0915\u094d\u0937\u093c\u0f71\u0f72\u0f73\u0f77\u1100\u1161\u11a8\uac00\uac01\ud7a3\u212b\u2126\u037e\u1e9b"
    "\ufb01\u2461\uff21\u00bd\u2167\u3392\ufdfa\u0e33\u0600\u0903\u00a9\u200b\u200d\u2028\u2581\u2764\ufe0f\U0001f468"
    "\U0001f1e6\U0001d15e\U0002f800\U00011938\U000113c5\u4e2d\uf900\u3099\u304b\ufeff\ufffd\u1734\U00016ea0")
PIPELINES = ["Precompiled", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "StripAccents", "ByteLevel"]
SEQUENCES = {
    "Strip both": [{"type": "Strip", "strip_left": True, "strip_right": True}],
    "Strip left": [{"type": "Strip", "strip_left": True, "strip_right": False}],
    "Strip right": [{"type": "Strip", "strip_left": False, "strip_right": True}],
    "Strip none": [{"type": "Strip", "strip_left": False, "strip_right": False}],
    "XLM-R": ["Precompiled", {"type": "Strip", "strip_left": False, "strip_right": True},
              {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}],
    "ALBERT": [{"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
               {"type": "Replace", "pattern": {"String": "''"}, "content": '"'}, "NFKD", "StripAccents",
               "Lowercase", "Precompiled",
               {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}],
    "replacements": [{"type": "Replace", "pattern": {"Regex": "[ab]+|\\s+"}, "content": "\u00e9x"},
                     {"type": "Replace", "pattern": {"String": "."}, "content": ""},
                     {"type": "Replace", "pattern": {"Regex": "(A)(Z)?"}, "content": "$1"}, "NFC"],
    "prepended": [{"type": "Prepend", "prepend": "\u2581x"}, "NFC", "Precompiled", "Lowercase"],
    "BERT among others": ["NFKD", {"type": "BertNormalizer", "clean_text": True,
                                   "handle_chinese_chars": True, "strip_accents": None,
                                   "lowercase": True}, "NFC", "Nmt"],
}


def step_of(step, charsmap):
    if step == "Precompiled":
        return {"type": step, "precompiled_charsmap": charsmap}
    return {"type": step} if isinstance(step, str) else step


def tokenizer_of(steps, charsmap):
    """Each character is a token, so that its offsets tell its source."""
    file = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
            "normalizer": {"type": "Sequence", "normalizers": [step_of(s, charsmap) for s in steps]},
            "pre_tokenizer": None, "post_processor": None, "decoder": None,
            "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}
    tokenizer = Tokenizer.from_str(json.dumps(file))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(?m:.)"), "isolated")
    return tokenizer


def checksums(normalizer):
    """Over each code point alone, and between a letter and a mark."""
    out = []
    for begin in range(0, 0x110000, BLOCK):
        crc = 0
        for c in range(begin, begin + BLOCK):
            if 0xD800 <= c < 0xE000:
                continue
            for text in (chr(c), "a" + chr(c) + "\u0301"):
                crc = zlib.crc32((normalizer.normalize_str(text) + "\n").encode(), crc)
        out.append(f"{crc:08x}")
    return out


def write_cases(path, pipelines, charsmap):
    rng = random.Random(9)
    with open(path, "w") as out:
        for name, steps in pipelines.items():
            tokenizer = tokenizer_of(steps, charsmap)
            shown = [{"type": s} if isinstance(s, str) else s for s in steps]
            json.dump({"name": name, "steps": shown}, out)
            out.write("\n")
            for _ in range(TEXTS_PER_PIPELINE):
                text = "".join(rng.choices(HARD, k=rng.randint(0, 12)))
                at = byte_offsets(text)
                spans = [[at[a], at[b]] for a, b in tokenizer.encode(text).offsets]
                made = tokenizer.normalizer.normalize_str(text)
                assert len(spans) == len(made)
                json.dump({"text": text, "made": made, "spans": spans}, out)
                out.write("\n")


def main():
    if tokenizers.__version__ != PACKAGE_VERSION:
        sys.exit(f"expected tokenizers {PACKAGE_VERSION}, got {tokenizers.__version__}")
    data = sys.argv[1]
    model = open(model_path(data, "unigram-xlm-roberta"), "rb").read()
    charsmap = base64.b64encode(charsmap_of(model)).decode()
    folder = os.path.join(data, "normalizers")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "code_points.txt"), "w") as out:
        for name in PIPELINES:
            sums = checksums(tokenizer_of([name], charsmap).normalizer)
            out.write(" ".join([name] + sums) + "\n")
    pipelines = {name: [name] for name in PIPELINES} | SEQUENCES
    write_cases(os.path.join(folder, "cases.jsonl"), pipelines, charsmap)


if __name__ == "__main__":
    main()
