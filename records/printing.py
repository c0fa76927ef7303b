"""Text from models made safe to show: control characters neutralised."""

__all__ = ["neutralised"]

_KEPT = {"\n", "\t"}


def neutralised(text: str) -> str:
    r"""Returns the text with control and bidirectional format characters shown as escapes.

    Args:
        text: Anything a model or a file said.

    Returns:
        The same text; every character of Unicode category Cc or Cf except newline and tab
        stands as ``\xNN`` or ``\uNNNN``, so that no terminal obeys it.
    """
    if text.isprintable():
        return text
    return "".join(
        char
        if char in _KEPT or char.isprintable() or (char.isspace() and ord(char) >= 0xA0)
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
