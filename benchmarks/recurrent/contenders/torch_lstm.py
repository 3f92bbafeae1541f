"""torch.nn.LSTM: packed, or over the padded batch (whose backward half sees the padding first)."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from contenders.serving import Data, keep, load_data, make_arguments, pad, serve

SUFFIXES = ["_l0", "_l0_reverse"]


class TorchLstm:
    """The batch and the layer as torch holds them."""

    def __init__(self, data: Data, packed: bool, input_gradient: bool) -> None:
        lengths = data["lengths"]
        self.lengths = torch.from_numpy(lengths)
        self.keep = torch.from_numpy(keep(lengths))
        self.x = torch.from_numpy(pad(data["x"], lengths)).requires_grad_(input_gradient)
        self.d_output = torch.from_numpy(pad(data["d_output"], lengths))
        self.packed = packed
        units = data["weight_hh"].shape[-1]
        self.lstm = torch.nn.LSTM(data["x"].shape[1], units, batch_first=True, bidirectional=True)
        with torch.no_grad():
            for direction, suffix in enumerate(SUFFIXES):
                for name in ["weight_ih", "weight_hh"]:
                    getattr(self.lstm, name + suffix).copy_(torch.from_numpy(data[name][direction]))
                getattr(self.lstm, "bias_ih" + suffix).copy_(
                    torch.from_numpy(data["bias"][direction])
                )
                getattr(self.lstm, "bias_hh" + suffix).zero_()

    def output(self) -> torch.Tensor:
        """[B, L, 2U]."""
        if not self.packed:
            return self.lstm(self.x)[0]
        packed = pack_padded_sequence(self.x, self.lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]

    def forward(self) -> None:
        with torch.inference_mode():
            self.output()

    def train(self) -> None:
        self.lstm.zero_grad()
        self.x.grad = None
        self.output().backward(self.d_output)

    def results(self) -> Data:
        self.train()

        def gradients(name: str) -> np.ndarray:
            return np.stack([getattr(self.lstm, name + suffix).grad.numpy() for suffix in SUFFIXES])

        return {
            "output": self.output()[self.keep].detach().numpy(),
            "d_weight_ih": gradients("weight_ih"),
            "d_weight_hh": gradients("weight_hh"),
            "d_bias": gradients("bias_ih"),
        }


def main() -> None:
    """Loads the data and serves."""
    parser = make_arguments(__doc__)
    parser.add_argument("--padded", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    data = load_data(arguments.data)
    lstm = TorchLstm(data, not arguments.padded, arguments.input_gradient)
    serve(lstm, f"torch {torch.__version__}")


if __name__ == "__main__":
    main()
