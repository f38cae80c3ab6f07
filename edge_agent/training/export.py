"""Writes a trained model as GGUF, F16 or Q8_0, with its tokenizer and card inside. The one file that imports gguf."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import quantize
from tokenizers import Tokenizer

from edge_agent.training.model import NORM_EPSILON, ROPE_BASE, Llama
from edge_agent.training.tokenizer import BEGIN, CONTROLS, END, MARKS, PAD, vocabulary_of

ARCHITECTURE = "llama"
F16, Q8_0 = gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.Q8_0
FILE_TYPES = {F16: gguf.LlamaFileType.MOSTLY_F16, Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0}


@dataclass(frozen=True, slots=True)
class Title:
    """What the file says about itself under general.*."""

    name: str
    version: str
    description: str
    licence: str = "apache-2.0"


def export(model: Llama, tokenizer: Tokenizer, path: Path, kind: gguf.GGMLQuantizationType, title: Title) -> None:
    """Write the file whole: to a neighbour first, then renamed."""
    partial = path.with_suffix(".partial")
    writer = gguf.GGUFWriter(str(partial), ARCHITECTURE)
    _describe(writer, model, kind, title)
    _add_tokenizer(writer, tokenizer)
    for name, weight in model.plain().named_parameters():
        values = weight.detach().to("cpu").float().numpy()
        if values.ndim == 1:
            writer.add_tensor(name, np.ascontiguousarray(values))
        else:
            writer.add_tensor(name, quantize(np.ascontiguousarray(values), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(path)


def _describe(writer: gguf.GGUFWriter, model: Llama, kind: gguf.GGMLQuantizationType, title: Title) -> None:
    shape = model.shape
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(title.name)
    writer.add_version(title.version)
    writer.add_description(title.description)
    writer.add_license(title.licence)
    writer.add_languages(["en"])
    writer.add_size_label(gguf.size_label(model.parameters_total(), 0, 0, 0))
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    vocabulary = vocabulary_of(tokenizer)
    ids = {token: number for number, token in enumerate(vocabulary.tokens)}
    kinds = {
        **dict.fromkeys(CONTROLS, gguf.TokenType.CONTROL),
        **dict.fromkeys(MARKS, gguf.TokenType.USER_DEFINED),
    }
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types([kinds.get(token, gguf.TokenType.NORMAL) for token in vocabulary.tokens])
    writer.add_token_merges(list(vocabulary.merges))
    writer.add_bos_token_id(ids[BEGIN])
    writer.add_eos_token_id(ids[END])
    writer.add_pad_token_id(ids[PAD])
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
