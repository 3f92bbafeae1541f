#!/usr/bin/env python3
"""Times nopad's tokenizer and the `tokenizers` package on the same lines, in turn, one thread each.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python benchmarks/text/tokenizer_versus_package.py \\
        --bench build/release/benchmarks/text/tokenizer_bench --model MODEL_DIR LINES

Both are given as bytes of text per second of processor time; the ratio is that of the medians.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402  after its thread settings


def time_package(tokenizer, lines, how):
    begin = time.process_time()
    num_tokens = sum(len(e.ids) for e in how(tokenizer, lines))
    return time.process_time() - begin, num_tokens


def encode_batch(tokenizer, lines):
    return tokenizer.encode_batch(lines)


def encode_batch_fast(tokenizer, lines):
    return tokenizer.encode_batch_fast(lines)  # without offsets


def time_nopad(options, name):
    command = [options.bench, options.model, options.lines, f"--benchmark_filter=^{name}$",
               "--benchmark_format=json", "--benchmark_min_time=0.5"]
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    result = json.loads(out)["benchmarks"][0]
    return result["cpu_time"] * 1e-9, int(result["tokens"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("lines")
    options = parser.parse_args()
    with open(options.lines, "rb") as file:
        lines = [line.decode() for line in file.read().split(b"\n")]
    if lines[-1] == "":
        lines.pop()
    num_bytes = sum(len(line.encode()) for line in lines)
    tokenizer = Tokenizer.from_file(os.path.join(options.model, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    contenders = {
        "nopad, ids": lambda: time_nopad(options, "append"),
        "tokenizers, ids (encode_batch_fast)": lambda: time_package(tokenizer, lines, encode_batch_fast),
        "nopad, ids and offsets": lambda: time_nopad(options, "encode"),
        "tokenizers, ids and offsets (encode_batch)": lambda: time_package(tokenizer, lines, encode_batch),
    }
    seconds = {name: [] for name in contenders}
    counts = set()
    for _ in range(options.rounds):
        for name, run in contenders.items():
            elapsed, num_tokens = run()
            seconds[name].append(elapsed)
            counts.add(num_tokens)
    assert len(counts) == 1, f"expected the same number of tokens from all, got {counts}"
    print(f"{len(lines)} lines, {num_bytes / 1e6:.2f} MB, {counts.pop()} tokens, {options.rounds} rounds, 1 thread")
    speed = {name: num_bytes / 1e6 / statistics.median(times) for name, times in seconds.items()}
    for name, value in speed.items():
        print(f"{value:8.2f} MB/s  {name}")
    names = list(speed)
    print(f"ratio: ids {speed[names[0]] / speed[names[1]]:.1f}x, "
          f"ids and offsets {speed[names[2]] / speed[names[3]]:.1f}x")


if __name__ == "__main__":
    main()
