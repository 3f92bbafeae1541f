"""Checks that every layer of nopad/nn stands in docs/layers.md and can be saved."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASES = "TokenLayer|SequenceLayer|ReducingLayer|MaskingLayer|RelayingLayer|DenseLayer|MergeLayer"
LAYER = re.compile(rf"^class (\w+) : public (?:{BASES}|WindowLayer|LayerOf|Layer|Recurrent)\b", re.M)
MERGE = re.compile(r"^using (\w+) = Merge<", re.M)
WITHOUT_SETTINGS = {"Lambda", "Model"}  # a function; and a graph, which the file's format knows


def layers() -> set[str]:
    """The classes of all layers; the kinds, which are templates, are none."""
    kinds = {"Recurrent", "Merge", *BASES.split("|"), "WindowLayer", "LayerOf"}
    headers = [path.read_text(encoding="utf-8") for path in (ROOT / "include/nopad/nn").glob("*.h")]
    found = {name for text in headers for name in LAYER.findall(text) + MERGE.findall(text)}
    return found - kinds


class Layers(unittest.TestCase):
    def test_every_layer_is_in_the_table(self):
        page = (ROOT / "docs/layers.md").read_text(encoding="utf-8")
        first_cells = re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
        listed = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
        self.assertGreater(len(layers()), 30)
        self.assertEqual(layers() - listed, set())
        self.assertEqual(listed - layers(), {"Dense"})

    def test_every_layer_is_in_the_registry(self):
        source = (ROOT / "src/models/layer_registry.cc").read_text(encoding="utf-8")
        known = re.findall(r"\w+", re.search(r"make_registry<([^>]*)>\(\);", source).group(1))
        self.assertEqual(layers() - set(known), WITHOUT_SETTINGS)


if __name__ == "__main__":
    unittest.main()
