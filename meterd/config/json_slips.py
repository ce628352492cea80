"""What is wrong with a text that is no JSON, in words for whoever wrote it by hand or with a word processor."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from json import JSONDecodeError

_BLANKS = " \t\n\r"
_SHOWN = 20
NO_COMMENTS = 'JSON has no comments; a name that begins with _ may hold one: "_note": "…"'
CUT_OFF = "it ends in the middle: a closing bracket or quotation mark is missing"
# How the slip begins → what to do.
SLIPS = {
    **{mark: f'there is a typographic quotation mark {mark}; write "plain ones"' for mark in "“”„‟‘’‚‛«»"},
    "'": 'there is a single quotation mark; write "double ones"',
    "//": NO_COMMENTS, "/*": NO_COMMENTS, "#": NO_COMMENTS,
    "True": "True is no value; write true", "False": "False is no value; write false",
    "None": "None is no value; write null", "yes": "yes is no value; write true", "no": "no is no value; write false",
}  # fmt: skip
# What Python's parser says → what that means, with what stands there.
WORDS = {
    "Expecting ',' delimiter": "a comma is missing before {}",
    "Expecting ':' delimiter": "a colon is missing before {}",
    "Expecting property name": "a name in double quotation marks is missing before {}",
    "Expecting value": "a value is missing before {}",
    "Extra data": "something stands behind its end: {}",
    "Invalid control character": "a text is not closed on its line: a quotation mark is missing",
    "Invalid \\escape": "a backslash in a text is written twice: \\\\",
    "Unterminated string": CUT_OFF,
}


def skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def what_is_wrong(text: str, error: JSONDecodeError) -> tuple[int, str]:
    """(line, what is wrong there)."""
    at = skip_blanks(text, error.pos)
    # Python 3.13 and later point at the comma, earlier ones behind it.
    closing = skip_blanks(text, at + 1) if text[at : at + 1] == "," else at
    before = text[:closing].rstrip(_BLANKS)
    if text[closing : closing + 1] in ("]", "}") and before.endswith(","):
        return before.count("\n") + 1, f"there is a comma before the closing {text[closing]}; take it out"
    return error.lineno, _in_words(text, error, at)


def _in_words(text: str, error: JSONDecodeError, at: int) -> str:
    if not text.strip():
        return "the file is empty"
    if at >= len(text):
        return CUT_OFF
    for slip, sentence in SLIPS.items():
        if text.startswith(slip, at):
            return sentence
    for begin, sentence in WORDS.items():
        if error.msg.startswith(begin):
            return sentence.format(" ".join(text[at : at + _SHOWN].split("\n", 1)[0].split()))
    return error.msg
