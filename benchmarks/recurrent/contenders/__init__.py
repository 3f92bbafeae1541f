"""The contenders of the LSTM benchmark that run in Python, one file each."""
