"""keras.layers.Bidirectional(LSTM) on TensorFlow, over the padded batch with its mask, compiled."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from contenders.serving import Data, keep, load_data, make_arguments, pad, serve


class KerasLstm:
    """The batch and the layer as Keras holds them."""

    def __init__(self, data: Data, input_gradient: bool) -> None:
        lengths = data["lengths"]
        self.keep = keep(lengths)
        self.mask = tf.constant(self.keep)
        self.x = tf.constant(pad(data["x"], lengths))
        self.d_output = tf.constant(pad(data["d_output"], lengths))
        self.input_gradient = input_gradient
        units = data["weight_hh"].shape[-1]
        self.layer = keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True))
        self.layer.build(self.x.shape)
        for direction, layer in enumerate([self.layer.forward_layer, self.layer.backward_layer]):
            weights = [data["weight_ih"][direction].T, data["weight_hh"][direction].T]
            layer.set_weights([*weights, data["bias"][direction]])
        self._forward = tf.function(self._output)
        self._train = tf.function(self._gradients)

    def _output(self, x: tf.Tensor) -> tf.Tensor:
        return self.layer(x, mask=self.mask)

    def _gradients(self, x: tf.Tensor) -> list[tf.Tensor]:
        weights = [weight.value for weight in self.layer.trainable_weights]
        with tf.GradientTape() as tape:
            sources = [*weights, x] if self.input_gradient else weights
            tape.watch(x)
            output = self._output(x)
        return tape.gradient(output, sources, output_gradients=self.d_output)

    def forward(self) -> None:
        self._forward(self.x)

    def train(self) -> None:
        self._train(self.x)

    def results(self) -> Data:
        gradients = [gradient.numpy() for gradient in self._train(self.x)][:6]

        def both(index: int) -> np.ndarray:
            return np.ascontiguousarray(np.stack([gradients[index].T, gradients[index + 3].T]))

        return {
            "output": self._forward(self.x).numpy()[self.keep],
            "d_weight_ih": both(0),
            "d_weight_hh": both(1),
            "d_bias": both(2),
        }


def main() -> None:
    """Loads the data and serves."""
    arguments = make_arguments(__doc__).parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    lstm = KerasLstm(load_data(arguments.data), arguments.input_gradient)
    serve(lstm, f"keras {keras.__version__}, tensorflow {tf.__version__}")


if __name__ == "__main__":
    main()
