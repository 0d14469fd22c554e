"""Donut's archive with a small random model in it: real torch and transformers, and AWS's own handler code around it.

Random weights read nothing; what is tested is loading, the request's way through the model, and its answer in JSON.
"""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    DonutImageProcessor,
    DonutProcessor,
    DonutSwinConfig,
    DonutSwinModel,
    MBartConfig,
    MBartForCausalLM,
    PreTrainedTokenizerFast,
    VisionEncoderDecoderModel,
)

from support.served_archive import request, serve

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "document-reader" / "donut"
TASK = "<s_cord-v2>"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", TASK, "<s_total>", "</s_total>"]
WORDS = ["price", "towels", "42", "boxes"]
LONGEST = 24


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder with `model/`: a Swin encoder of two stages on 64 × 64 pixels, an MBart decoder of one layer."""
    folder = tmp_path_factory.mktemp("donut") / "donut"
    shutil.copytree(EXAMPLE, folder)
    torch.manual_seed(7)
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=SPECIAL[4:],
    )  # fmt: skip
    processor = DonutProcessor(DonutImageProcessor(size={"height": 64, "width": 64}), fast)
    encoder = DonutSwinModel(
        DonutSwinConfig(image_size=64, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4)
    )
    decoder = MBartForCausalLM(
        MBartConfig(
            is_decoder=True, is_encoder_decoder=False, add_cross_attention=True, decoder_layers=1, decoder_attention_heads=2,
            decoder_ffn_dim=32, d_model=32, vocab_size=len(vocabulary), max_position_embeddings=LONGEST,
            scale_embedding=True, add_final_layer_norm=True, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        )
    )  # fmt: skip
    donut = VisionEncoderDecoderModel(encoder=encoder, decoder=decoder)
    donut.config.pad_token_id, donut.config.decoder_start_token_id = 1, vocabulary[TASK]
    donut.save_pretrained(folder / "model")
    processor.save_pretrained(folder / "model")
    return folder


def page(shade: int = 200) -> bytes:
    Image.new("L", (200, 150), shade).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def test_the_archive_answers_an_image_in_json(model: Path, tmp_path: Path) -> None:
    read, again, text, csv = serve(
        model,
        tmp_path,
        [
            request(page(), "application/x-image"),  # as in the seed's call
            request(page(), "image/png"),
            request(b"no image", "image/png"),
            request(b"a,b", "text/csv"),
        ],
        {"HF_HUB_OFFLINE": "1"},
    )

    assert (read["status"], read["content_type"]) == (200, "application/json"), read["body"]
    assert set(json.loads(read["body"])) == {"document"}
    assert read["body"] == again["body"], "the same image has the same answer"
    assert (text["status"], csv["status"]) == (400, 415)
    assert text["body"].startswith("The request body is not an image")


def test_what_is_generated_becomes_an_object(model: Path, tmp_path: Path) -> None:
    """Generation is replaced by one that says what a trained model would; everything around it is real."""
    copy = tmp_path / "donut"
    shutil.copytree(model, copy)
    handler = copy / "code" / "inference.py"
    said = [5, 7, 9, 6, 2]  # <s_total> price 42 </s_total> </s>
    forced = f"""

def _generate(self, pixels, decoder_input_ids, **options):
    assert pixels.shape == (1, 3, 64, 64) and options["max_length"] == {LONGEST}
    return torch.cat([decoder_input_ids, torch.tensor([{said}])], dim=1)


VisionEncoderDecoderModel.generate = _generate
"""
    handler.write_text(handler.read_text() + forced)
    [answer] = serve(copy, tmp_path, [request(page(), "image/png")])
    assert json.loads(answer["body"]) == {"document": {"total": "price 42"}}


def test_an_unknown_task_and_missing_weights_stop_the_model(model: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"The tokenizer in model/ has no token <s_docvqa>; set DONUT_TASK"):
        serve(model, tmp_path / "task", [], {"DONUT_TASK": "<s_docvqa>"})
    copy = tmp_path / "donut"
    shutil.copytree(model, copy)
    whole = VisionEncoderDecoderModel.from_pretrained(copy / "model")
    kept = {
        key: value for key, value in whole.state_dict().items() if "decoder_layers" not in key and "layers.0.fc1" not in key
    }
    whole.save_pretrained(copy / "model", state_dict=kept)
    with pytest.raises(AssertionError, match=r"The weights in model/ lack decoder"):
        serve(copy, tmp_path / "weights", [])
