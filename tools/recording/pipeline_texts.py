"""The texts of the recorded pipelines: sentences to train tokenizers on, and difficult inputs.

All of them were written for this project.
"""

from __future__ import annotations

from itertools import product

WRITTEN = [
    "The ferry to the island leaves at noon and returns before dark.",
    "Anna Kowalska moved from Warsaw to Lisbon in the spring of 2019.",
    "He paid 12,345.67 crowns for a boat that never left the harbour.",
    "Don't they've heard that we'll sing? I'm sure she'd rather sleep.",
    "Unbelievably, the shipbuilders finished their work ahead of time.",
    "The museum's oldest painting shows fishermen mending their nets.",
    "Who wrote the letter, and why was it never sent?",
    "A small engine turns the wheel; a larger one pumps the water.",
    "Zoë naïvely ordered crème brûlée in a café near São Paulo.",
    "Der Bäcker öffnet früh, weil die Kinder süße Brötchen mögen.",
    "Le garçon a mangé une pêche très mûre à l'ombre du chêne.",
    "El niño soñaba con montañas, ríos y un tren muy rápido.",
    "Příliš žluťoučký kůň tiše čekal u potoka.",
    "Москва встретила нас дождём и тёплым хлебом.",
    "Η θάλασσα ήταν ήρεμη και ο ουρανός καθαρός.",
    "東京は今日も雨です。明日は晴れるでしょう。",
    "我们在北京大学学习中文，也学习数学。",
    "서울의 봄은 짧지만 아름답다.",
    "I love it 😀 and she hates it 😡, but the cake 🎂 was good 👍🏽!",
    "Rain, wind and snow (again!) closed the road for three days...",
    "Version 2.0 of the program reads files faster than version 1.9.",
    "Copper conducts heat well; glass, wood and air conduct it badly.",
    'The doctor said: "Rest, drink water, and call me on Monday."',
    "Counterrevolutionary, misunderstanding and unfriendliness are long words.",
    "At 10:30 the train to Kraków stopped in Brno for 25 minutes.",
    "My grandmother kept bees, hens and one very old horse.",
    "e-mail: somebody@example.org, telephone: +00 123 456 789",
    "The price rose by 15%, from $20 to $23, within a week.",
    "Trees drink at night; rivers, they say, never sleep.",
    "She plays the violin, he plays chess, nobody plays football.",
]
SUBJECTS = ["the teacher", "a young sailor", "our neighbour", "Maria", "the old gardener", "Peter"]
ACTIONS = ["found", "painted", "was reading about", "quickly sold", "is building", "has forgotten"]
THINGS = ["a wooden bridge", "the yellow house", "three silver coins", "some strange letters"]
PLACES = ["in London", "near the station", "by the sea", "behind the mountains", "in winter"]

LONG = (
    "The old lighthouse stands on a cliff where the river meets the sea. Every evening, the keeper "
    "climbs two hundred steps, cleans the glass and lights the lamp. In 1923 a storm broke the "
    "windows, and for nine days no ship could find the harbour. Maria Lindqvist, the keeper's "
    "daughter, rowed out each night with a lantern. Forty sailors owe her their lives."
)
# For whatever reads one text: embeddings, classes, tags.
TEXTS = [
    "",
    "   ",
    "a",
    "The ferry leaves at noon.",
    "Zoë naïvely ordered crème brûlée in São Paulo.",
    "東京は今日も雨です。 Maria said so in 北京.",
    "I love it 😀👍🏽, honestly 🎂!",
    "tabs\tand\nnew  lines \r\n inside\u00a0it",
    "Unbelievably, the shipbuilders' counterrevolutionary misunderstandings "
    "cost $12,345.67 (again!)…",
    "Don't they've we'll I'M o'clock? --- yes/no; e-mail: a.b@c.org",
    "ＦＵＬＬ width, ﬁne ligature, decomposed cafe\u0301, Ολος, ½ and ²",
    "An odd [SEP] and </s> and <s> typed by hand.",
    LONG,
]
PAIRS = [
    ("The ferry leaves at noon.", "It returns before dark."),
    ("The ferry leaves at noon.", "Copper conducts heat well."),
    ("Who wrote the letter?", ""),
    ("", "Nobody did."),
    ("Zoë naïvely ordered crème brûlée.", "東京は今日も雨です。"),
    ("I love it 😀", "She hates it 😡!"),
    ("tabs\there", "  spaces   there  "),
    ("A small engine turns the wheel;", "a larger one pumps the water."),
    ("Rain, wind and snow closed the road.", LONG),
    (LONG, "In short: a lighthouse."),
]
# "{mask}" stands for the tokenizer's own mask.
MASKED = [
    "The {mask} leaves at noon.",
    "{mask}",
    "{mask} is a strange word.",
    "The old house near the{mask}",
    "Zoë ordered {mask} brûlée in São Paulo.",
    "東京は{mask}です。",
    "I love {mask} 😀!",
    "tabs\t{mask}\nnew lines",
    "Unfriend{mask}ness is a long word.",
    "Anna moved from {mask} to {mask} in spring.",
    "Two side by side: {mask}{mask}.",
    "First {mask}, then {mask}, at last {mask}?",
    LONG[:55] + "{mask} " + LONG[55:],
]
QUERIES = [
    ("Who saved the sailors?", [LONG, "The baker.", "", "Maria Lindqvist rowed out at night."]),
    (
        "Wo gibt es süße Brötchen?",
        [
            "Der Bäcker öffnet früh.",
            "我们在北京大学学习中文。",
            "Copper conducts heat well 😀.",
            "A train to Kraków stopped in Brno.",
        ],
    ),
]
# Question, context.
QUESTIONS = [
    ("Where did Anna move?", "Anna Kowalska moved from Warsaw to Lisbon in 2019."),
    ("What did Zoë order?", "Zoë naïvely ordered crème brûlée in a café near São Paulo."),
    ("How is the weather?", "東京は今日も雨です。明日は晴れるでしょう。"),
    ("Which one is good?", "I love it 😀, she hates it 😡, but the cake 🎂 was good 👍🏽!"),
    ("What?", "It."),
    ("How much?", "\tThe price rose by 15%,\n from $20 to   $23, within a week.  "),
]
LONG_QUESTIONS = [
    ("Who rowed out each night?", LONG),
    ("When did the storm break the windows?", LONG),
    ("Was war zerstört?", "Der Sturm: " + LONG + " So sagt man in Brünn, früh und spät."),
    ("Where did Anna move?", "Anna Kowalska moved from Warsaw to Lisbon in 2019."),
]


def training_sentences() -> list[str]:
    """What the tokenizers are trained on: the written sentences and some hundred composed ones."""
    composed = [
        f"{subject} {action} {thing} {place}."
        for subject, action, thing, place in product(SUBJECTS, ACTIONS, THINGS, PLACES)
    ]
    return WRITTEN * 8 + [LONG] * 4 + [line[0].upper() + line[1:] for line in composed[::3]]
