#!/usr/bin/env python3
"""Writes the tokenizer.json of a recorded sentencepiece model, for tokenizer_versus_package.py.

    python3 benchmarks/text/unigram_json.py tests/data/text/unigram-xlm-roberta DIR

The recording is the converted file without its table of characters, which stands in the model's file.
"""
import argparse
import base64
import json
import pathlib


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def find_bytes(message, number):
    """The bytes of a protobuf message's field."""
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        wire = tag & 7
        if wire == 2:
            size, at = read_varint(message, at)
            if tag >> 3 == number:
                return message[at:at + size]
            at += size
        elif wire == 0:
            at = read_varint(message, at)[1]
        else:
            at += {1: 8, 5: 4}[wire]
    raise ValueError(f"expected a field {number}, got none")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("recorded", type=pathlib.Path)
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args()
    model = next(options.recorded.glob("*.model")).read_bytes()
    charsmap = base64.b64encode(find_bytes(find_bytes(model, 3), 2)).decode()
    converted = json.loads((options.recorded / "converted.json").read_text())
    for step in converted["normalizer"]["normalizers"]:
        if step["type"] == "Precompiled":
            step["precompiled_charsmap"] = charsmap
    options.directory.mkdir(parents=True, exist_ok=True)
    (options.directory / "tokenizer.json").write_text(json.dumps(converted, ensure_ascii=False))


if __name__ == "__main__":
    main()
