"""The anchors of headings, as GitHub makes them: links to them work in both places."""

import re


def github(text, separator):
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", separator)
