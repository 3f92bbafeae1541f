"""onnxruntime on the CPU: the plain export, or the one its transformers tool made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from contenders.serving import make_arguments, pad, serve


def main() -> None:
    """Loads the chosen graph and serves."""
    parser = make_arguments(__doc__)
    parser.add_argument("--graph", choices=["plain", "optimised"], required=True)
    arguments = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    graph = Path(arguments.converted) / f"{arguments.graph}.onnx"
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def encode(batch: list[list[int]]) -> np.ndarray:
        padded, attention_mask = pad(batch)
        inputs = {
            "input_ids": padded,
            "attention_mask": attention_mask,
            "token_type_ids": np.zeros_like(padded),
        }
        return session.run(["hidden"], inputs)[0]

    serve(arguments.plan, encode, f"onnxruntime {onnxruntime.__version__}")


if __name__ == "__main__":
    main()
