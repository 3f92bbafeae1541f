"""The cases of record_layers_torch.py, one module per subject."""
