#!/usr/bin/env python3
"""Trains small sentencepiece models and records what transformers and `tokenizers` make of them.

Three steps, as transformers 4.57 (whose converter we follow) does not take the release of `tokenizers`
that we follow:

    python3 -m venv v4 && v4/bin/pip install transformers==4.57.6 sentencepiece==0.2.1 protobuf
    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    v4/bin/python tools/text/record_unigram.py train LINES tests/data/text
    v4/bin/python tools/text/record_unigram.py convert tests/data/text
    venv/bin/python tools/text/record_unigram.py record LINES tests/data/text

LINES is a text per line; ours are package descriptions in English, German, French, Russian, Polish,
Spanish, Japanese, Korean and Chinese.
"""
import json
import os
import random
import shutil
import sys
import tempfile

os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
PACKAGE_VERSION = "0.23.3"
CHARSMAP = "precompiled_charsmap"
# Folder: the model's file, the class of transformers, its settings.
KINDS = {
    "unigram-xlm-roberta": ("sentencepiece.bpe.model", "XLMRobertaTokenizerFast", {}),
    "unigram-albert": ("spiece.model", "AlbertTokenizerFast", {}),
    "unigram-albert-cased": ("spiece.model", "AlbertTokenizerFast",
                             {"do_lower_case": False, "keep_accents": True}),
    "unigram-camembert": ("sentencepiece.bpe.model", "CamembertTokenizerFast", {}),
}
DIFFICULT = (
    "abAZ09,. \t\r\n\u00a0\u00ad\u0000\u0001``''\u2581\u0130\u00e9\u0301\u0300\ufb01\u2461\uff21\u00bd\u2167\u3392"
    "\u1100\u1161\u11a8\uac01\u0915\u094d\u0937\u0e33\u0600\u00a9\u200d\u2764\ufe0f\U0001f468\u4e2d\u3000\ufeff\ufffd"
    "\u200b\u0f77\ufdfa<s></s><mask>[MASK]")


def read_lines(path):
    lines = [line for line in open(path, encoding="utf-8").read().split("\n") if line.strip()]
    return [line for line in lines if len(line) < 2000]


def is_wide(line):
    return any("\u2e80" <= c <= "\uffef" for c in line)


def small_rules(path):
    """A few hundred rules, so that the second model does not carry nmt_nfkc's 240 kB as well."""
    rules = {chr(c): chr(c + 32) for c in range(65, 91)}
    rules |= {chr(0xFF01 + i): chr(0x21 + i).lower() for i in range(94)}
    rules |= {"\u00ad": "", "\u200b": "", "\ufb01": "fi", "\ufb02": "fl", "\u2026": "...", "\u201c": '"',
              "\u201d": '"', "\u00a0": " ", "\t": " ", "\n": " ", "\r": " ", "\u3000": " ", "\u00bd": "1/2",
              "\ufdfa": "sallallahou", "e\u0301": "\u00e9", "E\u0301": "\u00e9"}
    code_points = lambda text: " ".join(f"{ord(c):X}" for c in text)
    with open(path, "w") as out:
        out.writelines(f"{code_points(a)}\t{code_points(b)}\n" for a, b in rules.items())


def train(lines, out):
    import sentencepiece

    with tempfile.TemporaryDirectory() as folder:
        texts = os.path.join(folder, "lines.txt")
        narrow = [line for line in lines if not is_wide(line)][:7700]
        with open(texts, "w") as file:
            file.write("\n".join(narrow + [line for line in lines if is_wide(line)][:150]))
        rules = os.path.join(folder, "rules.tsv")
        small_rules(rules)
        common = dict(input=texts, num_threads=1, max_sentence_length=8000, minloglevel=2,
                      input_sentence_size=8000)
        models = {
            "unigram-xlm-roberta": dict(vocab_size=1000, character_coverage=0.985),
            "unigram-albert": dict(vocab_size=900, character_coverage=0.985,
                                   normalization_rule_tsv=rules, pad_id=0, unk_id=1, bos_id=-1,
                                   eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"],
                                   user_defined_symbols=["(", ")", '"', "-", ".", "\u20ac"]),
            "unigram-bytes": dict(vocab_size=700, character_coverage=0.98, byte_fallback=True,
                                  normalization_rule_name="identity"),
            "sentencepiece-bpe": dict(vocab_size=600, character_coverage=0.98, model_type="bpe",
                                      normalization_rule_name="identity"),
        }
        for name, settings in models.items():
            prefix = os.path.join(folder, name)
            sentencepiece.SentencePieceTrainer.train(model_prefix=prefix, **common, **settings)
            os.makedirs(os.path.join(out, name), exist_ok=True)
            file = KINDS[name][0] if name in KINDS else "spiece.model"
            shutil.copy(prefix + ".model", os.path.join(out, name, file))


def model_path(out, name):
    trained = {"unigram-albert-cased": "unigram-albert", "unigram-camembert": "unigram-xlm-roberta"}
    return os.path.join(out, trained.get(name, name), KINDS[name][0])


def convert(out):
    import transformers

    for name, (file, class_name, settings) in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = shutil.copy(model_path(out, name), folder)
            getattr(transformers, class_name)(vocab_file=path, **settings).save_pretrained(folder)
            file = json.load(open(os.path.join(folder, "tokenizer.json"), encoding="utf-8"))
        for step in file["normalizer"]["normalizers"]:
            step.pop(CHARSMAP, None)  # it stands in the model
        del file["truncation"], file["padding"]
        os.makedirs(os.path.join(out, name), exist_ok=True)
        with open(os.path.join(out, name, "converted.json"), "w", encoding="utf-8") as saved:
            json.dump(file, saved, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            saved.write("\n")
        config = {"tokenizer_class": class_name.removesuffix("Fast"), **settings}
        with open(os.path.join(out, name, "tokenizer_config.json"), "w") as saved:
            json.dump(config, saved)
            saved.write("\n")


    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(os.path.join(out, "sentencepiece-bpe", "spiece.model"), folder)
        transformers.T5TokenizerFast(vocab_file=path, extra_ids=0).save_pretrained(folder)
        file = json.load(open(os.path.join(folder, "tokenizer.json"), encoding="utf-8"))
    with open(os.path.join(out, "sentencepiece-bpe", "merges.json"), "w", encoding="utf-8") as saved:
        json.dump(file["model"]["merges"], saved, ensure_ascii=False, separators=(",", ":"))
        saved.write("\n")


def charsmap_of(model):
    """The field of the model's normalizer_spec (3) that holds the charsmap (2)."""
    def fields(message):
        at = 0

        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = message[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value

        while at < len(message):
            tag = varint()
            if tag & 7 == 0:
                yield tag >> 3, varint()
            else:
                size = varint() if tag & 7 == 2 else 4 if tag & 7 == 5 else 8
                yield tag >> 3, message[at : at + size]
                at += size

    spec = b"".join(value for number, value in fields(model) if number == 3)
    return b"".join(value for number, value in fields(spec) if number == 2)


def byte_offsets(text):
    offsets = [0]
    for c in text:
        offsets.append(offsets[-1] + len(c.encode()))
    return offsets


def record(lines, out):
    import base64

    import tokenizers

    if tokenizers.__version__ != PACKAGE_VERSION:
        sys.exit(f"expected tokenizers {PACKAGE_VERSION}, got {tokenizers.__version__}")
    rng = random.Random(5)
    texts = ["", " ", "  a  b ", "\u2581x", "a\r\nb"] + rng.sample([l for l in lines if len(l) < 160], 120)
    texts += ["".join(rng.choices(DIFFICULT, k=rng.randint(1, 16))) for _ in range(120)]
    for name in KINDS:
        file = json.load(open(os.path.join(out, name, "converted.json"), encoding="utf-8"))
        charsmap = base64.b64encode(charsmap_of(open(model_path(out, name), "rb").read())).decode()
        for step in file["normalizer"]["normalizers"]:
            if step["type"] == "Precompiled":
                step[CHARSMAP] = charsmap
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(file))
        with open(os.path.join(out, name, "encodings.jsonl"), "w", encoding="utf-8") as saved:
            for text in texts:
                encoding = tokenizer.encode(text)
                at = byte_offsets(text)
                spans = [[at[a], at[b]] for a, b in encoding.offsets]
                json.dump({"text": text, "ids": encoding.ids, "spans": spans}, saved)
                saved.write("\n")


def main():
    step, *rest = sys.argv[1:]
    if step == "train":
        train(read_lines(rest[0]), rest[1])
    elif step == "convert":
        convert(rest[0])
    else:
        record(read_lines(rest[0]), rest[1])


if __name__ == "__main__":
    main()
