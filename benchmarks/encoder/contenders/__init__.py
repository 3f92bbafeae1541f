"""One file per contender: a program that answers the driver's lines (see ../README.md)."""
