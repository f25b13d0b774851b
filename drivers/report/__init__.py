"""The analysts' report: facts first, then one self-contained page per language made from them."""
