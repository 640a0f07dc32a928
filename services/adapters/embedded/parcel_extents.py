"""Where the current parcels of a commune lie: their extent, and the square of it that is worth a look first."""

from __future__ import annotations

MEASURE = """
    UPDATE summary SET
        (west, south, east, north) = (
            SELECT min(v.west), min(v.south), max(v.east), max(v.north)
            FROM version AS v JOIN head AS h ON h.name = v.name AND h.version = v.id WHERE v.area = summary.area
        ),
        (focus_west, focus_south, focus_east, focus_north) = (
            SELECT min(v.west), min(v.south), max(v.east), max(v.north)
            FROM version AS v JOIN head AS h ON h.name = v.name AND h.version = v.id
            WHERE v.area = summary.area AND v.west IS NOT NULL
            GROUP BY cast((v.west + v.east) * 50 AS INTEGER), cast((v.south + v.north) * 50 AS INTEGER)
            ORDER BY sum(v.error_count > 0) DESC, count(*) DESC, 1, 2 LIMIT 1
        )
"""
"""Measures the communes of `summary`; a square is 0.01 degrees wide, and a parcel is in that of the middle of its bounds."""

MIGRATION = f"""
    ALTER TABLE summary ADD COLUMN west REAL;
    ALTER TABLE summary ADD COLUMN south REAL;
    ALTER TABLE summary ADD COLUMN east REAL;
    ALTER TABLE summary ADD COLUMN north REAL;
    ALTER TABLE summary ADD COLUMN focus_west REAL;
    ALTER TABLE summary ADD COLUMN focus_south REAL;
    ALTER TABLE summary ADD COLUMN focus_east REAL;
    ALTER TABLE summary ADD COLUMN focus_north REAL;
    {MEASURE};
"""
"""Both boxes beside the counts, in degrees; NULL where no parcel has a place."""
