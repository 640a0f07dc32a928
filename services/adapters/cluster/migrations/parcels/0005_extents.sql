-- Where the current parcels of a commune lie: their extent, and the square of 0.01 degrees in which most of them have
-- errors, or else most of them are. NULL where no parcel has a place.

ALTER TABLE summary
    ADD COLUMN west double precision, ADD COLUMN south double precision,
    ADD COLUMN east double precision, ADD COLUMN north double precision,
    ADD COLUMN focus_west double precision, ADD COLUMN focus_south double precision,
    ADD COLUMN focus_east double precision, ADD COLUMN focus_north double precision;

UPDATE summary SET
    (west, south, east, north) = (
        SELECT min(h.west), min(h.south), max(h.east), max(h.north) FROM head AS h WHERE h.area = summary.area
    ),
    (focus_west, focus_south, focus_east, focus_north) = (
        SELECT min(h.west), min(h.south), max(h.east), max(h.north)
        FROM head AS h WHERE h.area = summary.area AND h.west IS NOT NULL
        GROUP BY trunc((h.west + h.east) * 50), trunc((h.south + h.north) * 50)
        ORDER BY count(*) FILTER (WHERE h.error_count > 0) DESC, count(*) DESC, 1, 2 LIMIT 1
    );
