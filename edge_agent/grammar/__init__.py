"""From a pack and a sentence's mentions to the grammar of its answers, and from an answer to checked actions. Pure."""
