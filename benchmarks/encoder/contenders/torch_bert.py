"""transformers' BERT on torch, as sentence-transformers runs it: padded, sdpa attention, f32."""

from __future__ import annotations

import numpy as np
import torch
import transformers

from contenders.serving import make_arguments, pad, serve


def main() -> None:
    """Loads the original directory and serves."""
    arguments = make_arguments(__doc__).parse_args()
    torch.set_num_threads(arguments.threads)
    bert = transformers.BertModel.from_pretrained(
        arguments.model, dtype=torch.float32, attn_implementation="sdpa"
    ).eval()

    def encode(batch: list[list[int]]) -> np.ndarray:
        padded, attention_mask = pad(batch)
        output = bert(
            input_ids=torch.from_numpy(padded), attention_mask=torch.from_numpy(attention_mask)
        )
        return output.last_hidden_state.numpy()

    with torch.inference_mode():
        serve(
            arguments.plan,
            encode,
            f"torch {torch.__version__}, transformers {transformers.__version__}",
        )


if __name__ == "__main__":
    main()
