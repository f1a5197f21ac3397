"""LaTeX of the kind that statements use to one line of Unicode, and SymPy piecewise functions to a readable
line.
"""

import re
from typing import Any

import sympy as sp

__all__ = ["escaped", "piecewise_text", "plain", "prose", "symbol", "typeset"]

_WORDS = {
    "varphi": "φ", "varepsilon": "ε", "lambda": "λ", "kappa": "κ", "mu": "μ", "rho": "ρ", "eta": "η",
    "pi": "π", "alpha": "α", "beta": "β", "sigma": "σ", "tau": "τ", "theta": "θ", "delta": "δ", "psi": "ψ",
    "Lambda": "Λ", "nabla": "∇",
    "Rightarrow": "⇒", "mid": "|", "infty": "∞", "le": "≤", "ge": "≥", "ne": "≠", "in": "∈", "to": "→",
    "mapsto": "↦", "sum": "Σ", "int": "∫", "partial": "∂", "langle": "⟨", "rangle": "⟩", "cdot": "·",
    "cdots": "…", "dots": "…", "iff": "⇔", "times": "×", "downarrow": "↓", "uparrow": "↑", "inf": "inf",
    "sup": "sup", "min": "min", "max": "max", "log": "log", "exp": "exp", "lim": "lim", "quad": "  ",
    "qquad": "    ", "top": "ᵀ", "ll": "≪", "square": "□", "sqrt": "√", "otimes": "⊗", "pm": "±",
    "approx": "≈", "equiv": "≡", "left": "", "right": "", "big": "", "Big": "", "frac": "", "forall": "∀",
    "notin": "∉", "cup": "∪", "subset": "⊂", "ast": "*", "circ": "∘", "oplus": "⊕", "ell": "ℓ",
}  # fmt: skip
_ESCAPES = {
    "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "^": r"\^{}", "~": r"\~{}",
    "\\": r"\textbackslash{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "*": r"\textasteriskcentered{}", "□": r"$\square$",
}  # fmt: skip
_SUPERSCRIPT = str.maketrans("0123456789+-ncq*", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᶜ𐞥*")
_SUBSCRIPT = str.maketrans("0123456789ijkn", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₙ")
_BODY = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"


def _fraction(match: "re.Match[str]") -> str:
    above, below = (plain(g) for g in match.groups())
    wrap = [s if re.fullmatch(r"[\d.]+|\w|∞", s) else f"({s})" for s in (above, below)]
    return "/".join(wrap)


def _script(table: dict[int, int], mark: str, body: str) -> str:
    body = plain(body)
    keys = {chr(k) for k in table}
    if body and all(c in keys for c in body):
        return body.translate(table)
    if len(body) == 1:
        return mark + body
    return f"{mark}({body})" if mark == "^" else f"{mark}\x01{body}\x02"


def plain(latex: str) -> str:
    """One line of Unicode for the LaTeX that statements use."""
    s = (
        latex.replace(r"\{", "\x01")
        .replace(r"\}", "\x02")
        .replace(r"\|", "‖")
        .replace(r"\,", " ")
        .replace(r"\ ", " ")
        .replace(r"\#", "#")
        .replace(r"\not\to", "↛")
    )
    s = s.replace(r"\mathbb{R}", "ℝ")
    s = re.sub(r"\\(?:text|mathrm|operatorname)" + _BODY, lambda m: m.group(1), s)
    for _ in range(3):
        s = re.sub(r"\\[dt]?frac" + _BODY + _BODY, _fraction, s)
    s = re.sub(r"\\sqrt" + _BODY, lambda m: f"√({plain(m.group(1))})", s)
    s = re.sub(r"\\bar (\w)", r"\\bar{\1}", s)
    s = re.sub(r"\\bar" + _BODY, lambda m: f"{plain(m.group(1))}\u0304", s)
    s = re.sub(r"\^" + _BODY, lambda m: _script(_SUPERSCRIPT, "^", m.group(1)), s)
    s = re.sub(r"_" + _BODY, lambda m: _script(_SUBSCRIPT, "_", m.group(1)), s)
    s = re.sub(r"\\([A-Za-z]+)( ?)(?=(.?))", _word, s)
    s = re.sub(r"\^(\w|\*)", lambda m: _script(_SUPERSCRIPT, "^", m.group(1)), s)
    s = re.sub(r"_(\w)", lambda m: _script(_SUBSCRIPT, "_", m.group(1)), s)
    s = s.replace("{", "").replace("}", "").replace("\x01", "{").replace("\x02", "}")
    return re.sub(r" +([,.;)])", r"\1", re.sub(r" {2,}", "  ", s)).strip()


def _word(match: "re.Match[str]") -> str:
    """A macro's symbol; the blank after it stays where it separates."""
    word, blank, following = match.groups()
    named = word in (
        "inf",
        "sup",
        "min",
        "max",
        "log",
        "exp",
        "lim",
        "sum",
        "le",
        "ge",
        "in",
        "to",
        "iff",
        "ne",
        "ll",
    )
    return _WORDS.get(word, word) + (blank if named or following in set("+-=<>\\:/,E") else "")


def prose(text: str) -> str:
    """Prose with formulas between `$` for the terminal."""
    parts = text.split("$")
    parts[::2] = map(typeset, parts[::2])
    parts[1::2] = map(plain, parts[1::2])
    return "".join(parts)


def typeset(words: str) -> str:
    """Words outside formulas, with quotation marks and dashes of LaTeX as their characters."""
    return words.replace("``", "“").replace("''", "”").replace("--", "–")


def escaped(text: str) -> str:
    """Plain words for LaTeX; formulas between `$` pass untouched."""
    parts = text.split("$")
    parts[::2] = ["".join(_ESCAPES.get(c, c) for c in part) for part in parts[::2]]
    return "$".join(parts)


def symbol(label: str) -> str:
    """The label of a fact, such as `f'(oo)` or "gauge", as LaTeX for math mode."""
    if label in ("alpha", "beta"):
        return "\\" + label
    if "(" not in label:
        return rf"\text{{{escaped(label)}}}"
    return label.replace("oo", r"\infty").replace("0+", "0^+").replace("*", "^*")


def piecewise_text(expression: Any) -> str:
    """A SymPy expression on one line, a `Piecewise` as "a for y <= b; c for ...; oo otherwise"."""
    if not isinstance(expression, sp.Piecewise):
        return str(expression)
    arms = []
    for value, condition in expression.args:
        arms.append(f"{value} otherwise" if condition == sp.true else f"{value} for {condition}")
    return "; ".join(arms)
