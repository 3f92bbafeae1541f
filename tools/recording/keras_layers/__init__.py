"""The cases of record_layers_keras.py, one module per subject."""
