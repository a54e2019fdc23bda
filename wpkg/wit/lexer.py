r"""From text to tokens (WIT.md, "Lexical structure").

Grammar::

    token      ::= word | string | operator
    word       ::= '%'? \w ( \w | '-' )*          an identifier, a keyword, or a part of a version
    string     ::= '"' ( character | escape )* '"'     as in core WebAssembly text
    whitespace ::= ' ' | '\n' | '\r' | '\t' | '//' … newline | '/*' … '*/'    comments nest

Which words are keywords is for the parser to say: the same tokens serve WAC. Every character is looked at a
bounded number of times. Not allowed: control characters, bidirectional overrides and what Unicode deprecates.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.wit.errors import Span, WitSyntaxError

if TYPE_CHECKING:
    from wpkg.wit.errors import Source

FORBIDDEN = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f"
    "\\u202a-\\u202e\\u2066-\\u2069"
    "\\u0149\\u0673\\u0f77\\u0f79\\u17a3\\u17a4\\u17b4\\u17b5]"
)
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)|(?P<line>//[^\n]*)|(?P<block>/\*)"
    r"|(?P<operator>->|\.\.\.|[=,:;(){}<>\[\]*/.@+-])"
    r"|(?P<word>%?\w(?:\w|-(?!>))*)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
)
_SHOWN = 60  # characters of a token in a message
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_ESCAPE = re.compile(r"\\(?:([tnr\"'\\])|u\{([0-9a-fA-F_]{1,16})\}|([0-9a-fA-F]{2})|)")
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", '"': '"', "'": "'", "\\": "\\"}


class Kind(Enum):
    """What a token is."""

    WORD = "a word"
    STRING = "a string"
    OPERATOR = "an operator"
    END = "the end of the text"


class Token(Struct, frozen=True):
    """A token. `docs` are the documentation comments that stand directly before it."""

    kind: Kind
    text: str
    span: Span
    docs: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= _SHOWN else f"{self.text[:_SHOWN]}…"
        return self.kind.value if self.kind is Kind.END else f"'{shown}'"


def tokenize(source: Source) -> list[Token]:
    """The tokens of a text, the last one of kind END. Raises: WitSyntaxError."""
    text = source.text
    if (found := FORBIDDEN.search(text)) is not None:
        code = ord(found[0])
        raise WitSyntaxError(
            f"the character U+{code:04X} is not allowed in WIT", Span(source, found.start(), found.end())
        )
    tokens: list[Token] = []
    docs: list[str] = []
    position = 1 if text.startswith("\ufeff") else 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _stray(source, position)
        start, position = position, match.end()
        if match.lastgroup == "block":
            position = _end_of_comment(source, start)
            if text.startswith("/**", start) and position - start > len("/**/"):
                docs.append(text[start + 3 : position - 2].strip())
        elif match.lastgroup == "line":
            if match[0].startswith("///"):
                docs.append(match[0][3:].strip())
        elif match.lastgroup != "space":
            kind = Kind[(match.lastgroup or "").upper()]
            tokens.append(Token(kind, match[0], Span(source, start, position), tuple(docs)))
            docs.clear()
    tokens.append(Token(Kind.END, "", Span(source, len(text), len(text)), tuple(docs)))
    return tokens


def comments_between(source: Source, start: int, end: int) -> list[Span]:
    """The comments between two neighbouring tokens, those for documentation among them."""
    found: list[Span] = []
    while start < end:
        match = _TOKEN.match(source.text, start)
        if match is None:  # the mark of the byte order
            start += 1
            continue
        after = _end_of_comment(source, start) if match.lastgroup == "block" else match.end()
        if match.lastgroup != "space":
            found.append(Span(source, start, after))
        start = after
    return found


def _stray(source: Source, position: int) -> WitSyntaxError:
    if source.text[position] == '"':
        end = source.text.find("\n", position)
        end = end if end >= 0 else len(source.text)
        return WitSyntaxError("a string does not end on its line", Span(source, position, end))
    span = Span(source, position, position + 1)
    return WitSyntaxError(f"the character '{source.text[position]}' is not part of WIT", span)


def _end_of_comment(source: Source, start: int) -> int:
    depth, position = 1, start + 2
    while depth:
        edge = _COMMENT_EDGE.search(source.text, position)
        if edge is None:
            raise WitSyntaxError("a comment is not closed", Span(source, start, start + 2), advice="write '*/'")
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position


def string_value(token: Token) -> str:
    """What a string token stands for. Raises: WitSyntaxError."""

    def replace(match: re.Match[str]) -> str:
        simple, point, byte = match.groups()
        if simple:
            return _ESCAPED[str(simple)]
        if byte:
            return chr(int(byte, 16) + 0xDC00 if int(byte, 16) > 0x7F else int(byte, 16))  # noqa: PLR2004
        code = _code_point(point or "")
        if code is None:
            raise WitSyntaxError("a string has an escape that is none", token.span)
        return chr(code)

    text = _ESCAPE.sub(replace, token.text[1:-1])
    try:
        return text.encode("utf-8", "surrogateescape").decode()
    except UnicodeError as error:
        raise WitSyntaxError("a string is not valid UTF-8", token.span) from error


def _code_point(digits: str) -> int | None:
    if re.fullmatch(r"[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*", digits) is None:
        return None
    code = int(digits.replace("_", ""), 16)
    surrogate = 0xD800 <= code < 0xE000  # noqa: PLR2004
    return None if code > 0x10FFFF or surrogate else code  # noqa: PLR2004
