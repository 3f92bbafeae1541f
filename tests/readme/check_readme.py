"""Checks README.md: its programs are the examples that are compiled, and its links and commands exist."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


class Readme(unittest.TestCase):
    def test_the_programs_are_the_examples(self):
        programs = re.findall(r"```cpp\n(.*?)```", README, re.DOTALL)
        examples = [ROOT / "examples/embed/embed.cc", ROOT / "examples/train/train.cc"]
        self.assertEqual(programs, [path.read_text(encoding="utf-8") for path in examples])

    def test_each_link_leads_to_a_file(self):
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
            links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
            missing = [link for link in links if not (page.parent / link).exists()]
            self.assertEqual(missing, [], page.name)

    def test_the_first_two_commands_are_programs(self):
        commands = re.findall(r"```sh\n(\./\S+)\n```", README)
        self.assertEqual(commands, ["./quickstart", "./run-tests"])
        for command in commands:
            self.assertTrue((ROOT / command).stat().st_mode & 0o100, command)

    def test_the_named_packages_are_in_the_list(self):
        listed = (ROOT / "tools/debian-packages.txt").read_text(encoding="utf-8").split()
        named = re.findall(r"\| \S+ \(`([\w-]+)`\)", README)
        self.assertEqual(len(named), 4)
        self.assertEqual([name for name in named if name not in listed], [])


if __name__ == "__main__":
    unittest.main()
