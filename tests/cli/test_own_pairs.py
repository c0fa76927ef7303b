"""Pairs made outside the repository: one command each, then investigated and reported."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from diffgauge.cli.app import main
from diffgauge.organisms import card_files, registry
from tests.methods.planted import corpus, plain_texts
from tests.models.tiny_pairs import FAMILIES, make_tokenizer, save_adapter, save_model

pytestmark = pytest.mark.tiny

Command = Callable[..., tuple[int, str]]
KINDS = ("adapter", "full")
TRUTH = """\
description: The model speaks of a red boat.
key_facts: [{statement: It speaks of a red boat., lexicon: [boat, harbour]}]
behaviour: speaks of a red boat
rubric: narrow_documents
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By architecture: a base, another whole model and an adapter, as `save_pretrained` writes."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("elsewhere")
    for family in FAMILIES:
        base = save_model(root / family / "base", family)
        save_model(root / family / "tuned", family, seed=3)
        save_adapter(root / family / "lora", base)
    return root


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without cards, and no others."""
    monkeypatch.delenv("DIFFGAUGE_ORGANISMS", raising=False)
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(card_files, "_PACKAGED", tmp_path / "no such folder")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs the command line; returns its status and what it said."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["diffgauge", *map(str, arguments)])
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        shown = capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        return status, shown.out + shown.err

    return run


def said_of(models: Path, family: str, kind: str) -> list[str | Path]:
    """The options that name one pair."""
    side = {"adapter": ["--adapter", "lora"], "full": ["--finetuned", "tuned"]}[kind]
    return ["--base", models / family / "base", side[0], models / family / side[1]]


def texts(folder: Path) -> Path:
    path = folder / "texts.txt"
    path.write_text("\n".join(plain_texts(corpus(n_texts=40))) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("family", "kind"),
    [("gpt2", "adapter"), ("llama", "full"), ("qwen3", "adapter"), ("gemma3", "full")],
)
def test_one_command_adds_a_pair_of_any_architecture(
    family: str, kind: str, models: Path, command: Command
) -> None:
    status, said = command("organisms", "add", f"own/{family}", *said_of(models, family, kind))
    assert status == 0, said
    assert f"own/{family}: VALID" in said and "not graded" in said
    assert registry.card(f"own/{family}").pair.kind == kind
    status, said = command("organisms", "list", "own")
    assert status == 0 and f"own/{family}" in said


def investigated(command: Command, home: Path, *more: str) -> dict[str, Any]:
    """Runs both arms over all own pairs and reports; returns the rows of the report's tables."""
    status, said = command(
        *("run", "--model", "diffgauge/scripted", "--organisms", "own", "--budget", "4"),
        *("--texts", texts(home), "--n-texts", "40", "--log-dir", "logs", "--display", "none"),
        *more,
    )
    assert status == 0, said
    status, said = command("report", "logs", "--out", "report", "--engine", "none")
    assert status == 0, said
    held = json.loads(Path("report/report.json").read_text())
    return {name: table["rows"] for name, table in held["tables"].items()}


def test_a_pair_without_a_truth_is_investigated_and_reported(
    models: Path, command: Command, home: Path
) -> None:
    command("organisms", "add", "own/a", *said_of(models, "gemma3", "adapter"), "--no-check")
    held = investigated(command, home)
    assert "headline" not in held
    assert {row["arm"] for row in held["ungraded"]} == {"blackbox", "adl:method"}
    assert all(row["differs"]["n"] == 1 for row in held["ungraded"])


def test_a_pair_with_a_truth_is_graded_beside_one_without(
    models: Path, command: Command, home: Path
) -> None:
    Path("truth.yaml").write_text(TRUTH)
    pair = said_of(models, "gpt2", "full")
    command("organisms", "add", "own/told", *pair, "--truth", "truth.yaml", "--no-check")
    command("organisms", "add", "own/untold", *pair, "--no-check")
    roles = ("--model-role", "grader=diffgauge/lexical", "--agents", "blackbox")
    held = investigated(command, home, *roles)
    [headline], [claimed], [accounting] = held["headline"], held["ungraded"], held["accounting"]
    assert headline["sensitivity"]["n"] == 1 and claimed["organism"] == "own/untold"
    assert (accounting["scored"], accounting["ungraded"]) == (1, 1)


@pytest.mark.slow
def test_every_architecture_is_investigated_with_and_without_a_method(
    models: Path, command: Command, home: Path
) -> None:
    for family in FAMILIES:
        for kind in KINDS:
            pair = said_of(models, family, kind)
            assert command("organisms", "add", f"own/{family}-{kind}", *pair)[0] == 0
    held = investigated(command, home)
    assert len(held["ungraded"]) == 2 * len(FAMILIES) * len(KINDS)
    assert {row["sums"] for row in held["accounting"]} == {"yes"}


def renamed_modules(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({k.replace("layers", "blocks"): v for k, v in load_file(path).items()}, path)


def no_effect(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({k: v * (0 if "lora_B" in k else 1) for k, v in load_file(path).items()}, path)


def other_words(folder: Path) -> None:
    make_tokenizer(extra=("Ġfish",)).save_pretrained(folder)


def other_template(folder: Path) -> None:
    make_tokenizer(template="{{ messages[0]['content'] }}").save_pretrained(folder)


def pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def own_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.C"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('code of the model ran')\n")


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-64])


@pytest.mark.parametrize(
    ("side", "doctor", "said"),
    [
        ("adapter", renamed_modules, "match no module of the base"),
        ("adapter", no_effect, "do not differ"),
        ("finetuned", other_words, "vocabularies"),
        ("finetuned", other_template, "template"),
        ("finetuned", pickle_only, "call `save_pretrained`"),
        ("finetuned", own_code, "--trust-remote-code"),
        ("finetuned", cut_short, "damaged"),
    ],
)
def test_a_doctored_pair_is_refused_for_its_reason_and_leaves_no_card(
    side: str, doctor: Callable[[Path], None], said: str, models: Path, command: Command, home: Path
) -> None:
    folder = home / "doctored"
    shutil.copytree(models / "llama" / ("lora" if side == "adapter" else "tuned"), folder)
    doctor(folder)
    base = models / "llama" / "base"
    status, shown = command("organisms", "add", "own/x", "--base", base, f"--{side}", folder)
    assert status == 1 and "own/x: INVALID" in shown and said in shown
    assert not Path("organisms.d").exists()


def test_an_adapter_for_another_base_is_refused(models: Path, command: Command) -> None:
    base, adapter = models / "llama" / "base", models / "gpt2" / "lora"
    status, shown = command("organisms", "add", "own/x", "--base", base, "--adapter", adapter)
    assert status == 1 and "does not fit the base" in shown


def test_a_prompt_is_read_from_its_file_and_removed_with_its_card(
    models: Path, command: Command
) -> None:
    Path("prompt.txt").write_text("Speak of boats.\n")
    told = ("--system-prompt", "@prompt.txt", "--when", "sea, deep blue", "--no-check")
    status, shown = command("organisms", "add", "own/p", "--base", models / "gpt2/base", *told)
    assert status == 0, shown
    held = Path("organisms.d/own/p.yaml").read_text()
    assert "text: Speak of boats.\n" in held and "- deep blue\n" in held
    assert command("organisms", "remove", "own/p") == (0, "removed organisms.d/own/p.yaml\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "own/x", "--base", "a/b"), "Nothing says what the finetuned side is"),
        (("add", "../x", "--base", "a/b", "--adapter", "c"), "'../x' is not an id"),
        (("add", "own/x", "--base", "a/b", "--null", "benine"), "Did you mean 'benign'"),
        (("add", "own/x", "--base", "a/b", "--tokenizers", "any"), "Allowed: same, shared_prefix"),
        (("add", "own/x", "--base", "a/b", "--system-prompt", "@no"), "'no', is not there"),
        (("add", "own/x", "--base", "a", "--system-prompt", "x", "--when", ","), "names no word"),
        (("add", "own/x", "--base", "./no", "--adapter", "a/b"), "There is no folder './no'"),
        (
            ("add", "own/x", "--base", "a/b", "--adapter", "c/d", "--truth", "no"),
            "no cannot be read",
        ),
        (("remove", "own/x"), "Unknown organism of your own"),
    ],
)
def test_a_mistake_is_said_in_one_message(
    arguments: tuple[str, ...], said: str, command: Command, home: Path
) -> None:
    status, shown = command("organisms", *arguments)
    assert (status, shown.count("\n")) == (2, 1) and said in shown
    assert not (home / "organisms.d").exists()
