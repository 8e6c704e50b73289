"""Charts as inline SVG: small functions from numbers to markup, with colours left to the style sheet."""
