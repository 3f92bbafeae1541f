#!/usr/bin/env python3
"""Compares nopad's tokenizer with the `tokenizers` package: ids, types, offsets, decoded texts.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/text/compare_with_package.py --encode-records build/dev/tests/text/nopad_encode_records \\
        --model MODEL_DIR LINES...

LINES are text files, compressed with lz4 or plain: Debian's Translation-en (`apt-get update
-o Acquire::Languages=en -o Dir::State::Lists=FOLDER`), the fortunes, anything. Without lines only the
code points, the difficult strings and the pairs are compared.

With --kinds, which needs lines, the tokenizers of pipelines.py are trained on some of them and compared on
all of them, on every code point, and on pairs; --kinds byte-level,unigram takes those only.
"""
import argparse
import json
import os
import random
import struct
import subprocess
import tempfile
from array import array

import pipelines
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Characters on which some other tokenizer goes wrong.
DIFFICULT = (
    "abAZ \t\n\r\x0b\x0c\x00\x85\xa0.,-[]#'\u00ad\u0130\u0131\u017f\u0344\u0345\u0300\u0301\u0323\u0327\u0328"
    "\u0334\u0f71\u0f72\u0f73\u0f74\u0f75\u302a\u302e\u302f\u1b44\ua9c0\u111c0\u1d165\u1d16d\u1d15e\u1d160"
    "\u1e00\u1734\u1885\u0ddd\u0dca\u1100\u1161\u11a8\uac00\uac01\ud7a3\u212b\u212a\u03a3\u1e9e\ufdfa\ufb01"
    "\u4e2d\u3400\uf900\u2f800\u2b820\u2b920\u2e43\u166d\u037e\u1fef\u200b\u200d\u2028\u3000\ufeff\ufffd"
    "\ufffe\U0001e000\U0001d165\U0001d16d\U0001d15e\U0002f800\U0001f600\U0010ffff\u08e2\U000110cd\u1dce"
    "\U00011938\u06dd\u1cf4\U000113d4\u1ab0\u0eb8\u0e38\u0c55\u05b0\u064b\u3099\u094d\u093c"
    "\u00e9\u00c5\u1ea4\u01d5\u0958\u0439\u0419\u00df\ufeff\u2126\u0387"
).replace("\u111c0", "\U000111c0")


def bert(vocab, lowercase, strip_accents, added=()):
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(SPECIALS)
    tokenizer.add_tokens(list(added))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(t, vocab[t]) for t in ("[CLS]", "[SEP]")])
    return tokenizer


class Comparison:
    def __init__(self, program):
        self.program = program
        self.failures = 0

    def run(self, name, tokenizer, records, directory=None, length=0, strategy="longest_first",
            typed=True):
        """records: texts, or pairs of texts. `directory` holds the tokenizer if it is given."""
        with tempfile.TemporaryDirectory() as folder:
            if directory is None:
                directory = folder
                tokenizer.save(os.path.join(folder, "tokenizer.json"))
            ours = self.ours(directory, records, length, strategy, typed)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        if length:
            side = "left" if strategy == "left" else "right"
            rule = "longest_first" if strategy == "left" else strategy
            tokenizer.enable_truncation(length, strategy=rule, direction=side)
        tokenizer.encode_special_tokens = not typed
        different, tokens = 0, 0
        for begin in range(0, len(records), 20000):
            part = records[begin : begin + 20000]
            for record, got in zip(part, ours[begin:]):
                expected = expect(tokenizer, record)
                tokens += len(expected[0])
                if expected != got:
                    different += 1
                    if different <= 3:
                        print(f"  {record!r}\n    package {expected}\n    nopad   {got}")
        self.failures += different
        print(f"{name}: {len(records)} texts, {tokens} tokens, {different} different", flush=True)

    def ours(self, directory, records, length, strategy, typed):
        data = bytearray()
        for record in records:
            texts = (record,) if isinstance(record, str) else record
            data.append(len(texts))
            for text in texts:
                encoded = text.encode()
                data += struct.pack("<I", len(encoded)) + encoded
        command = [self.program, directory, str(length), strategy] + ([] if typed else ["untyped"])
        out = subprocess.run(command, input=bytes(data), stdout=subprocess.PIPE, check=True).stdout
        at, all_tokens, all_decoded = 0, [], []
        token = struct.Struct("<iiiqq")
        for _ in records:
            (count,) = struct.unpack_from("<I", out, at)
            at += 4
            all_tokens.append(list(token.iter_unpack(out[at : at + count * token.size])))
            at += count * token.size
            (size,) = struct.unpack_from("<I", out, at)
            at += 4
            all_decoded.append(out[at : at + size].decode())
            at += size
        assert at == len(out)
        return list(zip(all_tokens, all_decoded))


def byte_offsets(text):
    if text.isascii():
        return range(len(text) + 1)
    offsets = array("q", [0])
    for ch in text:
        offsets.append(offsets[-1] + (1 if ch < "\x80" else 2 if ch < "\u0800" else 3 if ch < "\U00010000" else 4))
    return offsets


def expect(tokenizer, record):
    texts = (record,) if isinstance(record, str) else record
    try:
        encoding = tokenizer.encode(*texts)
    except Exception:  # the package panics or refuses: so must we
        return [], ""
    offsets = [byte_offsets(text) for text in texts]
    out = []
    for token, kind, (begin, end), text in zip(encoding.ids, encoding.type_ids, encoding.offsets,
                                               encoding.sequence_ids):
        if text is None:
            out.append((token, kind, 0, 0, 0))
        else:
            out.append((token, kind, text + 1, offsets[text][begin], offsets[text][end]))
    return out, tokenizer.decode(encoding.ids)


def every_character_vocab():
    vocab = {token: i for i, token in enumerate(SPECIALS)}
    for c in CODE_POINTS:
        vocab.setdefault(chr(c), len(vocab))
        vocab.setdefault("##" + chr(c), len(vocab))
    return vocab


def compare_code_points(comparison):
    vocab = every_character_vocab()
    rng = random.Random(1)
    strings = ["".join(rng.choices(DIFFICULT, k=rng.randint(0, 12))) for _ in range(60000)]
    strings += ["".join(chr(rng.choice(CODE_POINTS)) for _ in range(8)) for _ in range(20000)]
    for lowercase, strip_accents in [(True, None), (False, None), (True, False), (False, True)]:
        tokenizer = bert(vocab, lowercase, strip_accents)
        name = f"lowercase={lowercase} strip_accents={strip_accents}"
        records = [chr(c) for c in CODE_POINTS] + ["a" + chr(c) + "B" for c in CODE_POINTS] + strings
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.save(os.path.join(folder, "tokenizer.json"))
            for begin in range(0, len(records), 200000):
                comparison.run(f"{name} [{begin}:]", tokenizer, records[begin : begin + 200000], folder)


def compare_added_tokens(comparison, vocab):
    added = [AddedToken("gnome shell", single_word=True, normalized=True),
             AddedToken("<E9>", lstrip=True, rstrip=True, normalized=False),
             AddedToken("Caf\u00e9", normalized=True), AddedToken("lib", single_word=True, normalized=False),
             AddedToken("libx", normalized=False), AddedToken("\u4e2d\u56fd", normalized=True)]
    pieces = ["gnome shell", "Gnome Shell", " <E9> ", "<E9>", "cafe\u0301", "CAF\u00c9", "caf\u00e9s", "lib", "libx", "_lib",
              "lib-", "\u4e2d\u56fd", "\u4e2d", " ", "a", "\u0301", "[CLS]", "[cls]", "[SEP] ", "\t", "\u2003", "x\u0301lib", "\u3000"]
    rng = random.Random(2)
    records = ["".join(rng.choices(pieces, k=rng.randint(0, 8))) for _ in range(20000)]
    tokenizer = bert(vocab, True, None, added)
    comparison.run("added tokens", tokenizer, records)
    comparison.run("added tokens, special ones not matched", tokenizer, records, typed=False)


def compare_pairs(comparison, tokenizer, directory):
    rng = random.Random(3)
    words = "the a Unaffable caf\u00e9s, xylophonists [SEP] \u4e2d\u56fd".split()
    text = lambda: " ".join(rng.choices(words, k=rng.randint(0, 9)))
    pairs = [(text(), text()) for _ in range(3000)]
    comparison.run("pairs", tokenizer, pairs, directory)
    for length in (4, 5, 8, 9, 16):
        for strategy in ("longest_first", "left", "only_first", "only_second"):
            kept = [p for p in pairs if strategy in ("longest_first", "left") or length > 3]
            comparison.run(f"pairs, {strategy} {length}", tokenizer, kept, directory, length, strategy)
    singles = [first for first, _ in pairs]
    for strategy in ("longest_first", "left"):
        comparison.run(f"texts, {strategy} 6", tokenizer, singles, directory, 6, strategy)


def compare_kinds(comparison, texts, names):
    rng = random.Random(5)
    kinds = pipelines.make_kinds(rng.sample(texts, min(len(texts), 3000)), 4000)
    pairs = [(rng.choice(texts)[:200], rng.choice(texts)[:90]) for _ in range(3000)]
    strings = ["".join(rng.choices(DIFFICULT + "      ", k=rng.randint(0, 24))) for _ in range(20000)]
    points = [text for c in CODE_POINTS for text in (chr(c), "a" + chr(c) + "B ")]
    for name, tokenizer in kinds.items():
        if names and not any(name.startswith(n) for n in names):
            continue
        lines = texts if not name.startswith("pieces-") else texts[:10000]
        for begin in range(0, len(lines), 50000):
            comparison.run(f"{name}, lines [{begin}:]", tokenizer, lines[begin : begin + 50000])
        comparison.run(f"{name}, difficult strings", tokenizer, strings)
        for begin in range(0, len(points), 500000):
            comparison.run(f"{name}, code points [{begin}:]", tokenizer, points[begin : begin + 500000])
        comparison.run(f"{name}, pairs", tokenizer, pairs)
        for strategy in ("longest_first", "left", "only_first", "only_second"):
            comparison.run(f"{name}, pairs, {strategy} 24", tokenizer, pairs, None, 24, strategy)


def read_texts(path):
    """The lines of a file, and of a Translation file each description as one text as well."""
    command = ["lz4cat" if path.endswith(".lz4") else "cat", path]
    text = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace")
    texts = text.split("\n")
    for entry in text.split("\n\n"):
        if "\nDescription-en: " in entry:
            texts.append(entry.split("\nDescription-en: ", 1)[1])
    return [t for t in texts if t]


def compare_bert(comparison, options, texts):
    path = os.path.join(options.model, "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    vocab = json.load(open(path))["model"]["vocab"]
    compare_pairs(comparison, tokenizer, options.model)
    compare_added_tokens(comparison, vocab)
    for lowercase, strip_accents in [(True, None), (False, None)] if texts else []:
        for begin in range(0, len(texts), 100000):
            comparison.run(f"real texts, lowercase={lowercase} [{begin}:]",
                           bert(vocab, lowercase, strip_accents), texts[begin : begin + 100000])
    if not options.skip_code_points:
        compare_code_points(comparison)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--encode-records", required=True)
    parser.add_argument("--model")
    parser.add_argument("--kinds", nargs="?", const="")
    parser.add_argument("--skip-code-points", action="store_true")
    parser.add_argument("lines", nargs="*")
    options = parser.parse_args()
    comparison = Comparison(options.encode_records)
    texts = list(dict.fromkeys(t for p in options.lines for t in read_texts(p)))
    if options.kinds is not None:
        compare_kinds(comparison, texts, options.kinds.split(",") if options.kinds else [])
    if options.model:
        compare_bert(comparison, options, texts)
    print(f"{comparison.failures} different in all")
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
