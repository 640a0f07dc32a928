"""Whether a word can be a Vietnamese syllable: onset, rime and tone as the spelling allows them.

The test tells decoded text from chance, so it knows the spelling rules and no dictionary: it accepts many that
nobody uses, yet hardly any word of another language with marks in it passes.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_TONES = "\u0300\u0301\u0303\u0309\u0323"
_ACUTE, _DOT = "\u0301", "\u0323"
_ONSET = re.compile(
    r"(?:chr|[kpbdgh]r|[kpbm]l|m[nr]|j|ngh|ng|nh|n|gh|gi|g|kh|k|ph|p|qu|q|th|tr|t|ch|c|b|d|đ|h|l|m|r|s|v|x)?"
)
"""Onsets; the clusters and j are those of place names of the highlands: Krông, Plông, Mrơn, Jút."""
_RIME_WORDS = (
    "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây "
    "e ec em en eng eo ep et ê êch êm ên ênh êp êt êu i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu "
    "o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi om on ong ooc "
    "oong op ot ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât uây uê uêch uênh uêu uơ uy uya uych uyên "
    "uyêt uynh uyt uyu uc ui um un ung up ut uôc uôi uôm uôn uông uôt ư ưa ưc ưi ưm ưn ưng ưt ưu ươc ươi ươm ươn "
    "ương ươp ươt ươu y yên yêu yêt yêm yêng"
)
_RIMES = frozenset(_RIME_WORDS.split())
_RIMES_AFTER_GI = frozenset(("", "n", "êng", "êt"))
"""After gi the i is sound and letter in one: gì, gìn, giếng, giết."""
_HILL_FINAL = re.compile(r"[aăâeêioôơuư]k$")
"""Place names of the highlands end in k: Đắk, Lắk."""
_TONE_ON_GLIDE = re.compile(r"(?<!q)[aoôơuưâ][ìỉĩíị]$|[aâ][ỳỷỹýỵ]$|[aâêươ][ùủũúụ]$|(?<!g)i[ùủũúụ]$|[ae][òỏõóọ]$")
"""The tone stands on the vowel, never on the glide behind it: lại, not laị."""


@lru_cache(maxsize=50_000)
def is_syllable(word: str) -> bool:
    """Whether a word in NFC, of any case, can be one Vietnamese syllable. Examples: ``Trà``, ``nghiêng``; not ``Grün``."""
    decomposed = unicodedata.normalize("NFD", word.lower())
    tones = [mark for mark in decomposed if mark in _TONES]
    plain = unicodedata.normalize("NFC", "".join(mark for mark in decomposed if mark not in _TONES))
    if len(tones) > 1 or not plain or _TONE_ON_GLIDE.search(unicodedata.normalize("NFC", decomposed)):
        return False
    hill = _HILL_FINAL.search(plain)
    plain = f"{plain[:-1]}c" if hill else plain
    if not any(_fits(onset, plain[len(onset) :]) for onset in _onsets(plain)):
        return False
    stopped = plain.endswith(("c", "ch", "p", "t"))
    return not stopped or bool(hill) or tones in ([_ACUTE], [_DOT])


def _onsets(plain: str) -> tuple[str, ...]:
    match = _ONSET.match(plain)
    longest = match[0] if match else ""
    return (longest, longest[0]) if longest in {"gi", "qu"} else (longest,)


def _fits(onset: str, rime: str) -> bool:
    return rime in _RIMES or (onset == "gi" and rime in _RIMES_AFTER_GI)
