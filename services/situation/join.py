"""How answers of the two halves become situations of communes; nothing here waits for anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.land.v1.land_service_pb2 import LandSummary, ParcelKey
from ngoclinh.land.v1.parcel_pb2 import Parcel
from ngoclinh.media.v1.article_pb2 import ParcelReference
from ngoclinh.media.v1.media_service_pb2 import AreaCounts, ArticleFacet, FacetBucket, ParcelMention
from ngoclinh.situation.v1.situation_service_pb2 import LandSituation, MediaSituation, MentionedParcel

from services.core.areas import register

FACETS = (
    ArticleFacet.ARTICLE_FACET_SENTIMENT,
    ArticleFacet.ARTICLE_FACET_EVENT_VALENCE,
    ArticleFacet.ARTICLE_FACET_STANCE,
    ArticleFacet.ARTICLE_FACET_COMPLAINT,
    ArticleFacet.ARTICLE_FACET_TOPIC,
)
"""What the media half is counted by."""
MAX_ARTICLES = 20
"""Most articles named for one parcel."""

Key = tuple[str, str, str]
"""Commune as the text means it, sheet, number."""


def media(counts: AreaCounts) -> MediaSituation:
    """What is written about a commune."""
    facets: dict[int, Sequence[FacetBucket]] = {facet.facet: facet.buckets for facet in counts.facets}

    def count(facet: int, label: str) -> int:
        return sum(bucket.count for bucket in facets.get(facet, ()) if bucket.value == label)

    situation = MediaSituation(
        article_count=counts.total_count,
        story_count=counts.original_count,
        negative_count=count(ArticleFacet.ARTICLE_FACET_SENTIMENT, "negative"),
        negative_event_count=count(ArticleFacet.ARTICLE_FACET_EVENT_VALENCE, "negative"),
        critical_count=count(ArticleFacet.ARTICLE_FACET_STANCE, "critical"),
        complaint_count=count(ArticleFacet.ARTICLE_FACET_COMPLAINT, "yes"),
        topics=[bucket for bucket in facets.get(ArticleFacet.ARTICLE_FACET_TOPIC, ()) if bucket.value],
    )
    if counts.HasField("newest_publish_time"):
        situation.newest_article_time.CopyFrom(counts.newest_publish_time)
    return situation


def land(summary: LandSummary) -> LandSituation:
    """How the land data of a commune stand."""
    situation = LandSituation(
        parcel_count=summary.parcel_count,
        area_m2=summary.area_m2,
        error_count=summary.error_count,
        warning_count=summary.warning_count,
        rules=[FacetBucket(value=rule.rule_code, count=rule.count) for rule in summary.rules],
    )
    if summary.HasField("newest_import_time"):
        situation.newest_import_time.CopyFrom(summary.newest_import_time)
    return situation


def mentions(listed: Iterable[ParcelMention], areas: Sequence[str]) -> dict[str, dict[Key, list[str]]]:
    """By commune of `areas`: the parcels that articles name, each with the names of those articles, in their order.

    A reference that leaves the commune open counts for the one commune that the article is about.
    """
    found: dict[str, dict[Key, list[str]]] = {area: {} for area in areas}
    for mention in listed:
        for reference in mention.parcel_references:
            commune = reference.commune or _only(mention.current_areas)
            key = (commune, reference.sheet, reference.parcel)
            for area in _areas_of(reference, commune):
                if area in found:
                    names = found[area].setdefault(key, [])
                    if mention.article not in names and len(names) < MAX_ARTICLES:
                        names.append(mention.article)
    return found


def lookup(key: Key) -> ParcelKey | None:
    """What to ask the store for a mentioned parcel; None where the text says too little.

    A commune that the text means as it is today may have the sheets of any commune that was merged into it.
    """
    commune, sheet, number = key
    if not (commune and sheet and number):
        return None
    unit = register().get(commune)
    return ParcelKey(communes=[commune, *(unit.predecessors if unit else ())], sheet=sheet, number=number)


def mentioned(
    references: Mapping[Key, Sequence[str]], parcels: Mapping[Key, Sequence[Parcel]]
) -> Iterable[MentionedParcel]:
    """The parcels of a commune that articles name, joined to the store where it has exactly one such parcel."""
    for key, articles in references.items():
        commune, sheet, number = key
        found = parcels.get(key, ())
        one = found[0] if len(found) == 1 else Parcel()
        yield MentionedParcel(
            commune=commune,
            sheet=sheet,
            number=number,
            parcel=one.name,
            articles=articles,
            error_count=one.error_count,
        )


def newest(times: Iterable[Timestamp]) -> Timestamp | None:
    """The latest of some times that are set."""
    return max((time for time in times if time.seconds), key=lambda time: (time.seconds, time.nanos), default=None)


def _areas_of(reference: ParcelReference, commune: str) -> Sequence[str]:
    return register().current(commune) if commune else ()


def _only(areas: Sequence[str]) -> str:
    return areas[0] if len(areas) == 1 else ""
