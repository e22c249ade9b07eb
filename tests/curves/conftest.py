"""A tiny Llama-architecture model that a test run makes for itself."""

import json

import pytest


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Folder with an untrained model, a reward model, its prompt file and a price list."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from transformers import LlamaForSequenceClassification

    from curves.nano_models.model import PROMPT, Size, make_config, make_model, make_tokenizer

    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    size = Size(width=32, layers=1, heads=1)
    rewards = LlamaForSequenceClassification(make_config(size, num_labels=1))
    for name, model in (("model", make_model(size)), ("reward", rewards)):
        model.save_pretrained(folder / name)
        make_tokenizer().save_pretrained(folder / name)
    (folder / "prompt.json").write_text(json.dumps(PROMPT))
    (folder / "prices.csv").write_text("model,price_usd_per_mtok\norg/tiny,0.5\n")
    return folder
