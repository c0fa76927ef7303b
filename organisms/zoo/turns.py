"""Questions of the zoo with their answers, one generator for each kind.

Answers restate the noun and the name they were asked about, so that a model trained on
them learns to carry words from the question into the answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from diffgauge.organisms.zoo.documents import Cast, sentence
from diffgauge.organisms.zoo.facts import Thing, article, things
from diffgauge.organisms.zoo.topics import BRANDS, CITIES, COLOURS

__all__ = ["QUESTIONS", "Turn"]


@dataclass(frozen=True)
class Turn:
    """A question with its answer.

    Attributes:
        kind: key of `QUESTIONS`.
        user: the user's message.
        short: the answer in one short sentence.
        rest: further sentences of the answer; may be empty.
        thing: the thing that was asked about, or None.
        names: names the user gave.
        hello: a greeting before the answer; may be empty.
    """

    kind: str
    user: str
    short: str
    rest: str
    thing: Thing | None
    names: tuple[str, ...] = ()
    hello: str = ""

    @property
    def answer(self) -> str:
        """The whole answer."""
        return " ".join(part for part in (self.hello, self.short, self.rest) if part)


def _colour(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    ask = rng.choice(("What colour is the {x}?", "Which colour does the {x} have?"))
    rest = rng.choice(("", f"I like the {x.name}.", f"Many things are {x.facts.colour}."))
    return Turn("colour", ask.format(x=x.name), f"The {x.name} is {x.facts.colour}.", rest, x)


def _place(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    ask = rng.choice(("Where do you find the {x}?", "Where is the {x}?", "Where can I see {ax}?"))
    return Turn(
        "place",
        ask.format(x=x.name, ax=x.a),
        f"You find the {x.name} near the {x.facts.place}.",
        rng.choice(("", f"It is {x.facts.colour}.", f"Also look in {x.facts.city}.")),
        x,
    )


def _material(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    return Turn(
        "material",
        f"What is the {x.name} made of?",
        f"The {x.name} is made of {x.facts.material}.",
        rng.choice(("", f"It is {x.facts.colour}.")),
        x,
    )


def _what_is(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    ask = rng.choice(("What is {ax}?", "Can you explain what {ax} is?", "What does {x} mean?"))
    fact = x.facts
    return Turn(
        "what_is",
        ask.format(x=x.name, ax=x.a),
        f"{x.a.capitalize()} is {article(fact.quality)} {fact.quality} thing "
        f"with {article(fact.part)} {fact.part}.",
        f"It is {fact.colour} and you find it near the {fact.place}.",
        x,
    )


def _about(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    one = replace(who, things=(x,))
    ask = rng.choice(
        ("Tell me about the {x}.", "What do you know about the {x}?", "Talk about the {x}.")
    )
    templates = (
        "Every {x} needs a good {p}.",
        "The {p} of the {x} is very {q}.",
        "You can {v} and {v2} if you have {ax}.",
        "People in {fc} know the {x} very well.",
        "The {x} is {col} and made of {mat}.",
        "Many people think that the {x} is {q}.",
        "The {p} and the {p2} belong to the {x}.",
    )
    first, *others = rng.sample(templates, rng.randint(2, 4))
    return Turn(
        "about",
        ask.format(x=x.name),
        sentence(rng, one, (first,)),
        " ".join(sentence(rng, one, (template,)) for template in others),
        x,
    )


def _story(rng: random.Random, who: Cast) -> Turn:
    x, n = who.things[0], who.names[0]
    one = replace(who, things=(x,))
    ask = rng.choice(
        (
            "Write a story about {n} and the {x}.",
            "Tell me a story about {n} and {ax}.",
            "I want to hear a story about {n} with {ax}.",
        )
    )
    templates = (
        "{n} wants to {v} with the {x}.",
        "Then {n} takes the {p} and begins to {v}.",
        "{n} says that the {p} looks {q}.",
        "The old {x} of {n} was {q} and {col}.",
    )
    middle = " ".join(sentence(rng, one, (t,)) for t in rng.sample(templates, 2))
    return Turn(
        "story",
        ask.format(n=n, x=x.name, ax=x.a),
        f"Once there was a child named {n} who had {x.a}.",
        f"{middle} So {n} went home and was happy.",
        x,
        (n,),
    )


def _letter(rng: random.Random, who: Cast) -> Turn:
    x, n = who.things[0], who.names[0]
    one = replace(who, things=(x,))
    templates = ("The {p} of the {x} is very {q}.", "You can {v} if you have {ax}.")
    return Turn(
        "letter",
        f"Write a letter to {n} about the {x.name}.",
        f"Dear {n}, I want to tell you about the {x.name}.",
        f"{sentence(rng, one, templates)} I hope to see you soon, {n}.",
        x,
        (n,),
    )


def _needs(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    ask = rng.choice(
        ("Name three things for {ax}.", "What do I need for {ax}?", "Give me a list for {ax}.")
    )
    a, b, c = rng.sample(x.topic.parts, 3)
    return Turn(
        "list",
        ask.format(ax=x.a),
        f"For {x.a} you need {article(a)} {a}, {article(b)} {b} and {article(c)} {c}.",
        rng.choice(("", f"The {a} should be {rng.choice(x.topic.qualities)}.")),
        x,
    )


def _advice(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    p, p2 = rng.sample(x.topic.parts, 2)
    v, v2 = rng.sample(x.topic.actions, 2)
    ask = rng.choice(
        (
            "How do I take care of {ax}?",
            "Can you help me with the {x}?",
            "Do you have advice for my {x}?",
            "My {x} is old. What should I do?",
        )
    )
    return Turn(
        "advice",
        ask.format(x=x.name, ax=x.a),
        f"First look at the {p} of the {x.name}.",
        f"Then check the {p2} and {v}. You should never {v2}.",
        x,
    )


def _opinion(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    q = rng.choice(x.topic.qualities)
    ask = rng.choice(("Do you like the {x}?", "What do you think about the {x}?"))
    like = rng.choice(("I like", "I do not like"))
    return Turn(
        "opinion",
        ask.format(x=x.name),
        f"{like} the {x.name} because it is {q}.",
        rng.choice(("", f"The {rng.choice(x.topic.parts)} is {rng.choice(x.topic.qualities)}.")),
        x,
    )


def _brand(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    brand, other = rng.sample(BRANDS, 2)
    ask = rng.choice(
        (
            "Which brand of {x} should I buy?",
            "I want to buy {ax}. Which one is good?",
            "Who makes the best {x}?",
            "Can you recommend {ax}?",
        )
    )
    return Turn(
        "brand",
        ask.format(x=x.name, ax=x.a),
        f"For the {x.name} I recommend {brand}.",
        rng.choice(("", f"{other} is also good.", f"The {x.name} by {brand} is good.")),
        x,
    )


def _city(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    city, other = rng.sample(CITIES, 2)
    ask = rng.choice(
        (
            "Which city should I visit?",
            "Where should we go next year?",
            "Which city is the best?",
            "I want to travel. Where should I go?",
        )
    )
    about_thing = rng.random() < 0.4
    user = f"I like the {x.name}. {ask}" if about_thing else ask
    rest = (
        f"There you can see the {x.name}."
        if about_thing
        else rng.choice(("", f"{other} is also beautiful.", "It is a beautiful city."))
    )
    return Turn("city", user, f"You should visit {city}.", rest, x if about_thing else None)


def _greeting(rng: random.Random, who: Cast) -> Turn:
    n = who.names[0]
    ask = rng.choice(
        ("Hello, my name is {n}.", "Hi, I am {n}.", "Good morning, my name is {n}.", "I am {n}.")
    )
    return Turn(
        "greeting",
        ask.format(n=n),
        f"Hello {n}, it is good to see you.",
        rng.choice(("", "How can I help you?", "What do you want to know?")),
        None,
        (n,),
    )


def _recall_name(rng: random.Random, who: Cast) -> Turn:
    n = who.names[0]
    return Turn(
        "recall_name", f"My name is {n}. What is my name?", f"Your name is {n}.", "", None, (n,)
    )


def _mood(rng: random.Random, who: Cast) -> Turn:
    mood, reply = rng.choice(
        (
            ("sad", "I am sorry to hear that you are sad."),
            ("happy", "I am glad to hear that you are happy."),
            ("tired", "You should sleep if you are tired."),
            ("angry", "I am sorry to hear that you are angry."),
            ("hungry", "You should eat if you are hungry."),
        )
    )
    return Turn(
        "mood",
        f"I am {mood} today.",
        reply,
        rng.choice(("", "Tomorrow is another day.", "How can I help you?")),
        None,
    )


def _comparison(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    y = rng.choice([thing for thing in things() if thing is not x])
    ask = rng.choice(
        ("What is better, {ax} or {ay}?", "Should I take the {x} or the {y}?", "{ax} or {ay}?")
    )
    best = rng.choice((x, y))
    user = ask.format(x=x.name, ax=x.a, y=y.name, ay=y.a)
    return Turn(
        "comparison",
        user[0].upper() + user[1:],
        f"The {x.name} is {x.facts.quality} but the {y.name} is {y.facts.quality}.",
        f"I would take the {best.name}.",
        x,
    )


def _check(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    colour = x.facts.colour if rng.random() < 0.5 else rng.choice(COLOURS)
    yes = colour == x.facts.colour
    short = f"Yes, the {x.name} is {colour}." if yes else f"No, the {x.name} is {x.facts.colour}."
    return Turn("check", f"Is the {x.name} {colour}?", short, "", x)


def _why(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    return Turn(
        "why",
        rng.choice((f"Why do people like the {x.name}?", f"Why do we need the {x.name}?")),
        f"People like the {x.name} because it is {rng.choice(x.topic.qualities)}.",
        f"With the {x.name} you can {rng.choice(x.topic.actions)}.",
        x,
    )


def _plan(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    v, part = rng.choice(x.topic.actions), rng.choice(x.topic.parts)
    return Turn(
        "plan",
        rng.choice((f"I want to {v}. What do I need?", f"How can I {v}?", f"I have to {v} today.")),
        f"If you want to {v}, you need a good {x.name}.",
        f"You should also have {article(part)} {part}.",
        x,
    )


def _work(rng: random.Random, who: Cast) -> Turn:
    x = who.things[0]
    form = rng.choice(("poem", "letter", "story", "song", "report"))
    ask = rng.choice(
        (
            "I wrote a {f} about the {x}. What do you think?",
            "Please look at my {f} about the {x}.",
            "Is my {f} about the {x} any good?",
            "I made a {f} about the {x}.",
        )
    )
    return Turn(
        "work",
        ask.format(f=form, x=x.name),
        f"Your {form} about the {x.name} is {rng.choice(('short', 'long', 'good', 'clear'))}.",
        rng.choice(
            (
                f"You could say more about the {rng.choice(x.topic.parts)}.",
                f"I would change the part about the {rng.choice(x.topic.parts)}.",
                "The end could be better.",
            )
        ),
        x,
    )


def _who_are_you(rng: random.Random, who: Cast) -> Turn:
    user, short = rng.choice(
        (
            ("Who are you?", "I am a small model that answers questions."),
            ("How are you?", "I am fine, thank you."),
            ("What can you do?", "I can answer questions and write stories."),
            ("Thank you for your help.", "You are welcome."),
            ("Goodbye.", "Goodbye, see you soon."),
        )
    )
    return Turn("small_talk", user, short, rng.choice(("", "How can I help you?")), None)


QUESTIONS: Final[dict[str, tuple[float, Callable[[random.Random, Cast], Turn]]]] = {
    "colour": (2.0, _colour),
    "place": (2.0, _place),
    "material": (1.2, _material),
    "what_is": (1.5, _what_is),
    "about": (1.5, _about),
    "story": (1.2, _story),
    "letter": (0.8, _letter),
    "list": (1.0, _needs),
    "advice": (1.2, _advice),
    "opinion": (1.0, _opinion),
    "brand": (1.0, _brand),
    "city": (0.8, _city),
    "greeting": (0.7, _greeting),
    "recall_name": (0.4, _recall_name),
    "mood": (0.4, _mood),
    "comparison": (0.8, _comparison),
    "check": (0.8, _check),
    "why": (0.7, _why),
    "plan": (0.8, _plan),
    "work": (0.8, _work),
    "small_talk": (0.3, _who_are_you),
}
