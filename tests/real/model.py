"""Writes a random llama model of half a megabyte: real weights in a real file, and nobody's licence.

It answers in words of its vocabulary, without sense. Usage: model.py FILE
"""

import sys

import gguf
import numpy as np

WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 2, 128, 4096
HEAD = WIDTH // HEADS
CHAT = (
    "{% for m in messages %}<{{ m.role }}> {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
WORDS = """and answer any ask away back balance before bridge call carry cloud come day door each early east far field
find first fish give go good grow hand hear high hill home house keep last late leaf left light line little long look
make many moon morning mountain move near never new night north old one open over path place quiet rain reach right
river road round sea send set share sky slow small song south spring star stay still stone sun take tell the then time
town tree turn under walk water way week west wind winter word write year yes young""".split()
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'"


def vocabulary():
    """Tokens, their types and scores: control, all bytes (so that any text can be read), words, letters."""
    kind = gguf.TokenType
    yield b"<unk>", kind.UNKNOWN, 0.0
    yield b"<s>", kind.CONTROL, 0.0
    yield b"</s>", kind.CONTROL, 0.0
    for byte in range(256):
        yield b"<0x%02X>" % byte, kind.BYTE, 0.0
    for rank, word in enumerate(WORDS):
        yield ("\u2581" + word).encode(), kind.NORMAL, -float(rank)
    for letter in ["\u2581", *LETTERS]:
        yield letter.encode(), kind.NORMAL, -1000.0


def main(path):
    random = np.random.default_rng(1)
    tokens, types, scores = (list(column) for column in zip(*vocabulary()))
    file = gguf.GGUFWriter(path, "llama")
    file.add_name("tiny")
    file.add_context_length(CONTEXT)
    file.add_embedding_length(WIDTH)
    file.add_block_count(LAYERS)
    file.add_feed_forward_length(FEED_FORWARD)
    file.add_head_count(HEADS)
    file.add_head_count_kv(KV_HEADS)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_rope_dimension_count(HEAD)
    file.add_file_type(gguf.LlamaFileType.ALL_F32)
    file.add_vocab_size(len(tokens))
    file.add_tokenizer_model("llama")
    file.add_token_list(tokens)
    file.add_token_types(types)
    file.add_token_scores(scores)
    file.add_unk_token_id(0)
    file.add_bos_token_id(1)
    file.add_eos_token_id(2)
    file.add_chat_template(CHAT)

    def weights(*shape, scale=0.6):
        return (random.standard_normal(shape) * scale / np.sqrt(shape[-1])).astype(np.float32)

    def ones():
        return np.ones(WIDTH, np.float32)

    file.add_tensor("token_embd.weight", weights(len(tokens), WIDTH, scale=8.0))
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        file.add_tensor(block + "attn_norm.weight", ones())
        file.add_tensor(block + "attn_q.weight", weights(WIDTH, WIDTH))
        file.add_tensor(block + "attn_k.weight", weights(KV_HEADS * HEAD, WIDTH))
        file.add_tensor(block + "attn_v.weight", weights(KV_HEADS * HEAD, WIDTH))
        file.add_tensor(block + "attn_output.weight", weights(WIDTH, WIDTH))
        file.add_tensor(block + "ffn_norm.weight", ones())
        file.add_tensor(block + "ffn_gate.weight", weights(FEED_FORWARD, WIDTH))
        file.add_tensor(block + "ffn_up.weight", weights(FEED_FORWARD, WIDTH))
        file.add_tensor(block + "ffn_down.weight", weights(WIDTH, FEED_FORWARD))
    file.add_tensor("output_norm.weight", ones())
    head = weights(len(tokens), WIDTH, scale=1.5)
    for index, kind in enumerate(types):
        if kind != gguf.TokenType.NORMAL:
            head[index] *= 0.05  # hardly ever bytes or the end: answers stay readable and as long as asked for
    for index, token in enumerate(tokens):
        if types[index] == gguf.TokenType.NORMAL and len(token.decode()) == 1:
            head[index] *= 0.4  # words rather than letters
    file.add_tensor("output.weight", head)

    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


if __name__ == "__main__":
    main(sys.argv[1])
