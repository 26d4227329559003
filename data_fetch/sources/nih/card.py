"""The card of a stored set of NIH films."""

from __future__ import annotations

from data_fetch.sources.nih.film_choice import Chosen, Rule
from data_fetch.sources.nih.index import PUBLISHED_SIZE
from data_fetch.sources.nih.origin import Origin
from data_fetch.store.registry import data_set


def card_of(name: str, origin: Origin, rule: Rule, chosen: Chosen, size: int) -> dict[str, object]:
    """The content of card.toml for the films that a rule chose from an origin, for the data set of this name."""
    entry = data_set(name)["sources"]["nih"]
    official = not origin.manifest
    hashes = "hashes by the NIH (md5 of each archive)" if official else "hashes by the mirror (md5 of each film)"
    got = {split: int((chosen.splits == split).sum()) for split in rule.wanted}
    return {
        "name": f"{name}-nih",
        "source": "nih",
        "size": size,
        "seed": rule.seed,
        "version": entry["version"],
        "address": entry["address"],
        "licence": entry["licence"],
        "citation": entry["citation"],
        "preprocessing": "grey by Pillow's luma, area-averaged from "
        f"{PUBLISHED_SIZE} px (Pillow BOX), 8 bits, bone white; nothing else",
        "label": f"{chosen.finding} named in the report, by text mining: wrong for some films",
        "rule": chosen.rule,
        "archives": [archive.name for archive in chosen.archives],
        "read": "whole archives" if official else "each archive up to its last wanted film",
        "hashes": hashes,
        "wanted": {split: f"{got[split]} of {count}, {hashes}" for split, count in rule.wanted.items()},
        **({} if rule.asked is None else {"asked": rule.asked}),
    }
