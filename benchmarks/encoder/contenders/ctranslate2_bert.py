"""CTranslate2's encoder on the CPU, in f32 or with int8 weights; it pads inside attention only."""

from __future__ import annotations

from pathlib import Path

import ctranslate2
import numpy as np

from contenders.serving import make_arguments, serve


def main() -> None:
    """Loads the converted model and serves."""
    parser = make_arguments(__doc__)
    parser.add_argument("--compute-type", choices=["float32", "int8"], required=True)
    arguments = parser.parse_args()
    path = Path(arguments.converted) / f"ctranslate2-{arguments.compute_type}"
    encoder = ctranslate2.Encoder(
        str(path),
        device="cpu",
        compute_type=arguments.compute_type,
        inter_threads=1,
        intra_threads=arguments.threads,
    )

    def encode(batch: list[list[int]]) -> np.ndarray:
        return np.asarray(encoder.forward_batch(batch).last_hidden_state)

    serve(arguments.plan, encode, f"ctranslate2 {ctranslate2.__version__}")


if __name__ == "__main__":
    main()
