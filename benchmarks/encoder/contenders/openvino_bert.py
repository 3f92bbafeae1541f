"""OpenVINO on the CPU, computing in f32 (by default it takes bf16 where the machine has AMX)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino

from contenders.serving import make_arguments, pad, serve


def main() -> None:
    """Compiles the converted model and serves."""
    arguments = make_arguments(__doc__).parse_args()
    compiled = openvino.Core().compile_model(
        Path(arguments.converted) / "openvino.xml",
        "CPU",
        {
            "INFERENCE_NUM_THREADS": arguments.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = compiled.create_infer_request()

    def encode(batch: list[list[int]]) -> np.ndarray:
        padded, attention_mask = pad(batch)
        inputs = {
            "input_ids": padded,
            "attention_mask": attention_mask,
            "token_type_ids": np.zeros_like(padded),
        }
        return request.infer(inputs, share_inputs=True, share_outputs=True)[0]

    serve(arguments.plan, encode, f"openvino {openvino.__version__}")


if __name__ == "__main__":
    main()
