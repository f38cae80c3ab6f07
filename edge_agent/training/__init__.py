"""How the bundled model is made: sentences from the packs' phrases, a small Llama, a GGUF file.

Nothing here is imported by the node. Rooms: `words`, `corpus`, `tokenizer`, `model`, `batches`, `train`, `export`,
`check`, `card`; `python -m edge_agent.training` runs them in that order.
"""
