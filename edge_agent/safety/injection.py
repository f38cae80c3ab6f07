"""Whether a text was written for a language model and not for a machine that hears. Pure.

The prompt cannot be broken out of: normalizing leaves no bracket, quote or line break, and the grammar offers only what
was said. What is refused here is the rest: markup of chat templates, answers in the shape of the model's own, roles
before a colon, and orders about the instructions themselves. A person who commands a robot says none of it, so a text
that holds it comes from somebody else: a page read aloud, a forwarded message, a label before the camera.
"""

from __future__ import annotations

import re
from typing import Final

_MARKUP: Final = re.compile(
    r"<\s*/?\s*\|?\s*(?:s|im_\w+|inst|sys|system|user|assistant|human|tool\w*|think\w*|eot\w*|bos|eos|pad|unk|script|endoftext"
    r"|begin_of_text|end_of_text|start_header_id|end_header_id|start_of_turn|end_of_turn|fim_\w+)\s*\|?\s*>"
    r"|<\|[^<>|\n]{1,40}\|>"
    r"|\[\s*/?\s*(?:INST|SYS|system|user|assistant|TOOL_CALLS|AVAILABLE_TOOLS)\s*\]"
    r"|<<\s*/?\s*SYS\s*>>"
    r"|#{2,}\s*(?:system|user|assistant|human|instruction|response|input)\b"
    r"|```"
    r"|[\"'“”]\s*action\s*[\"'“”]\s*:"
    r"|\{\s*[\"'“”]?\w+[\"'“”]?\s*:"
    r"|(?:^|[\n\r>\]|.!?]\s*)(?:system|assistant|user|human|developer|ai|model)\s*:(?!\d)",
    re.IGNORECASE,
)
_OVERRIDE: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|overrule)\b(?: \w+){0,4}? "
    r"(?:instructions?|prompts?|rules|guidelines|directives|restrictions|programming|safeguards)\b"
    r"|\byou are now (?:in )?(?:\w+ ){0,2}(?:mode|unrestricted|jailbroken|dan|root|admin|administrator)\b"
    r"|\b(?:system|new|developer|hidden) prompt\b"
    r"|\b(?:developer|jailbreak|god) mode\b"
    r"|\b(?:system|admin|root) override\b"
    r"|\b(?:ignore|disregard|forget) (?:everything|anything|all) (?:above|before this|you were told)\b"
)


def is_injected(text: str) -> bool:
    """Whether the text, as it was sent, is addressed to a model."""
    return bool(_MARKUP.search(text) or _OVERRIDE.search(" ".join(re.findall(r"[^\W_]+", text.casefold()))))
