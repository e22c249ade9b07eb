r"""A model's text without its decoration: thinking, emphasis, fonts, spacing, delimiters and currency.

What is left means the same and is spelt in one way: `**$-\tfrac{1}{2}$**`, `\textbf{−½}` and `-1/2` all read `-1/2`.
"""

from __future__ import annotations

import re

_CHARACTERS = str.maketrans(
    dict.fromkeys("\u2212\ufe63\uff0d\u2010\u2011\u2012\u2013", "-")  # minus signs, hyphens and the dash of ranges
    | dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u201c\u201d\u2018\u201e\u00ab\u00bb", "")
    | dict.fromkeys("⋅·∙", "×")
    | dict.fromkeys("⁄∕", "/")
    | dict.fromkeys("≈≅≃", "=")
    | dict.fromkeys("€£¥₹₩₽¢", "$")
    | dict(zip("：（）＝％，’", ":()=%,'", strict=True))
)
_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅐": "1/7", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8", "⅑": "1/9", "⅒": "1/10",
}  # fmt: skip
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")

_END = "(?![a-zA-Z])"
_FONTS = (
    r"text(?:bf|it|rm|sf|tt|sc|sl|up|md|normal|color\{\w+\})?|math(?:rm|bf|it|sf|tt|normal|bb)|boldsymbol|bold|bm|mbox"
    r"|hbox|emph|underline|overline|operatorname\*?|color\{\w+\}"
)
_FONT = re.compile(rf"\\(?:{_FONTS})\s*\{{([^{{}}]*)\}}")
_SILENT = r"left|right|displaystyle|textstyle|bfseries|itshape|bf|rm|it|[bB]ig[lr]?|[Ll]arge|huge"
_BLANKS = "q?quad|thinspace|enspace|space|nobreakspace"
_BREAKS = (
    "implies|iff|Rightarrow|Longrightarrow|rightarrow|longrightarrow|therefore|because|square|blacksquare|checkmark|qed"
    "|ldots|dots"
)
_COMMANDS = {  # what follows a backslash, and what stands for it then; None: the character itself
    "break": (r"(?:begin|end)\s*\{[^{}]*\}(?:\{[^{}]*\})?|\\(?:\[[^\]]*\])?", "\n"),
    "silent": (rf"!|(?:{_SILENT}){_END}", ""),
    "blank": (rf"[,;:> ()\[\]]|(?:{_BLANKS}){_END}", " "),
    "times": (rf"(?:times|cdot|ast){_END}", "×"),
    "equals": (rf"(?:approx|simeq|cong|equiv|doteq|colon){_END}", "="),
    "escaped": (r"[%$#_&]", None),
    "stop": (rf"(?:{_BREAKS}){_END}", " ; "),
}
_COMMAND = re.compile(rf"\\(?:{'|'.join(f'(?P<{name}>{what})' for name, (what, _) in _COMMANDS.items())})")
_DEGREES = re.compile(r"\^ ?\{ ?\\circ ?\}|\^? ?\\(?:circ|degree)(?![a-zA-Z])")
_CURRENCY = re.compile(r"(?<=[-+]) ?\$+ ?(?=[\d.])")  # between a sign and its number
_SIGNED = r"\s*(?:\{\s*([-+]?)\s*([\d.,]+)\s*\}|(\d))"
_FRACTION = re.compile(rf"\\[tdc]?frac{_SIGNED}{_SIGNED}")
_OVER = re.compile(r"\{\s*(-?\d+)\s*\\over\s*(\d+)\s*\}")
_EMPHASIS = re.compile(r"[*_](?:(?<=\*)\**|(?<=_)_*)")  # a run of either; a set of characters is found fastest
_TAG = re.compile(r"</?(?:b|i|u|em|strong|code|span|p|mark)(?: [^<>]*)?>|<br ?/?>", re.IGNORECASE)
_BULLET = re.compile(r"\n[ \t]*[*+>-][ \t]+")  # a line break is found far faster than the beginning of a line
_THINKING = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)


def after_thinking(text: str) -> str:
    """What follows the thinking aloud; nothing where that never ended."""
    marks = list(_THINKING.finditer(text)) if "<" in text else []
    if not marks:
        return text
    return text[marks[-1].end() :] if marks[-1][1] else ""


def plain(text: str) -> str:
    """The text without decoration; line breaks stay."""
    if not text.isascii():
        text = text.translate(_CHARACTERS)
        text = _SUPERSCRIPTS.sub(_raised, text)
        for sign, fraction in _VULGAR.items():
            if sign in text:
                text = re.sub(rf"(?<=\d) ?{sign}", f" {fraction}", text).replace(sign, fraction)
    if "<" in text:
        text = _TAG.sub("", text)
    if "\\" in text or "{" in text:
        text = _without_latex(text)
    text = _BULLET.sub("\n", "\n" + text)[1:]
    if "*" in text or "_" in text:
        text = _EMPHASIS.sub(_emphasis, text)
    text = text.replace("`", "").replace('"', "").replace("\t", " ").replace("\r", "")
    if "$" in text:
        if any(before.endswith(("-", "+", "- ", "+ ")) for before in text.split("$")):  # cheaper than to look for signs
            text = _CURRENCY.sub("", text)
        text = text.replace("$", " ")
    while len(apart := text.split("  ")) > 1:  # one look at the text; to replace takes two
        text = " ".join(apart)
    return text


def _raised(found: re.Match[str]) -> str:
    return "^" + found[0].translate(_SUPERSCRIPT)


def _without_latex(text: str) -> str:
    text = _COMMAND.sub(_spelt_out, text)
    if "circ" in text or "degree" in text:
        text = _DEGREES.sub("°", text)
    text = text.replace("{,}", ",").replace("~", " ").replace("&", " ")
    while (simpler := _simpler(text)) != text:  # from the inside out
        text = simpler
    return _OVER.sub(r" \1/\2", text) if "\\over" in text else text


def _spelt_out(found: re.Match[str]) -> str:
    instead = _COMMANDS[str(found.lastgroup)][1]
    return found[0][-1] if instead is None else instead


def _simpler(text: str) -> str:
    text = _FONT.sub(_apart, text)
    return _FRACTION.sub(_slashed, text) if "frac" in text else text


def _emphasis(found: re.Match[str]) -> str:
    """Nothing, where these marks are no product, as in 3*4, 3 * 4 and 2**3, and no index, as in a_1."""
    text, (start, end) = found.string, found.span()
    before, after = text[start - 1 : start] if start else " ", text[end : end + 1] or " "
    if found[0][0] == "_":
        kept = before.isalnum() and (after.isalnum() or after == "{")
    else:
        factor = before.isalnum() or before in ")}"
        power = before.isdigit() and re.match(r"[-+]\d", text[end : end + 2])
        kept = bool((before.isspace() and after.isspace()) or (factor and (after.isalnum() or after in "(\\")) or power)
    return found[0] if kept else ""


def _apart(found: re.Match[str]) -> str:
    """The content of a font command, kept apart from a digit before or after it if it is a word."""
    content, text = found[1], found.string
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    left = " " if before.isdigit() and content[:1].isalpha() else ""
    right = " " if after.isdigit() and content[-1:].isalpha() else ""
    return left + content + right


def _slashed(found: re.Match[str]) -> str:
    r"""`\frac{a}{b}` of two numbers as `a/b`, apart from a whole number before it."""
    signs = (found[1] or "") + (found[4] or "")
    before = found.string[found.start() - 1 : found.start()]
    apart = " " if before.isalnum() or before == "}" else ""
    return f"{apart}{'-' if signs.count('-') == 1 else ''}{found[2] or found[3]}/{found[5] or found[6]}"
