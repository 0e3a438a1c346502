"""Exact decimal arithmetic: text in, fractions inside, normalised text out."""

import re
from fractions import Fraction

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")


def parse(text):
    """The exact value of a plain decimal number."""
    if not DECIMAL.match(text):
        raise ValueError(f"{text!r} is not a plain decimal number")
    return Fraction(text)


def half_even(value, decimals):
    """`value` rounded to `decimals`, a tie going to the even neighbour."""
    scale = 10**decimals
    return Fraction(round(Fraction(value) * scale), scale)


def text(value):
    """Normalised text: no exponent, no trailing zeros, no negative zero."""
    value = Fraction(value)
    decimals = 0
    while value.denominator != 1 and (value * 10**decimals).denominator != 1:
        decimals += 1
        if decimals > 60:
            raise ValueError(f"{value} has no finite decimal form")
    digits = str(abs(value * 10**decimals).numerator).rjust(decimals + 1, "0")
    whole, part = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"
