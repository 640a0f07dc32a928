-- What people open in QGIS: named columns only, never the further attributes of a file, so that no personal data are shown.
-- A role needs USAGE on the schema and SELECT on these views, on no table.

CREATE VIEW current AS
SELECT
    h.version AS id, h.name, h.commune, h.area, v.sheet, v.number, v.land_use_code, v.declared_area_m2, h.area_m2,
    v.scale, h.error_count, h.warning_count, i.name AS import, to_timestamp(i.commit_time / 1e6) AS commit_time, h.shape
FROM head AS h JOIN version AS v ON v.id = h.version JOIN import AS i ON i.id = h.import;
COMMENT ON VIEW current IS 'Thửa đất hiện hành, WGS 84 / current parcels';

CREATE VIEW current_in_plane AS
SELECT
    h.version AS id, h.name, h.area, v.sheet, v.number, v.land_use_code, h.area_m2, v.srid,
    polygons(v.source, v.srid) AS shape
FROM head AS h JOIN version AS v ON v.id = h.version;
COMMENT ON VIEW current_in_plane IS 'Thửa đất hiện hành trong hệ toạ độ của tệp gốc (srid) / current parcels in the plane of their file';

CREATE VIEW current_findings AS
SELECT
    f.id, f.name, f.rule_code,
    CASE f.rank WHEN 0 THEN 'ERROR' WHEN 1 THEN 'WARNING' ELSE 'INFO' END AS severity,
    f.message, f.parcel, h.area, f.place
FROM finding AS f JOIN head AS h ON h.name = f.parcel AND h.import = f.import;
COMMENT ON VIEW current_findings IS 'Lỗi phát hiện trên thửa đất hiện hành / findings on current parcels';

CREATE VIEW current_outlines AS
SELECT row_number() OVER (ORDER BY layer, area) AS id, layer, area, polygons(wgs84, 4326)::geometry(MultiPolygon, 4326) AS shape
FROM outline;
COMMENT ON VIEW current_outlines IS 'Ranh giới đơn vị hành chính / outlines of areas';

-- A shape in degrees of WGS 84 by EPSG:6960, the operation of the law, everywhere. ST_Transform by the code alone takes
-- EPSG:5194 in the Mekong delta, 0.8 m beside it.
CREATE FUNCTION to_wgs84(shape public.geometry) RETURNS public.geometry LANGUAGE sql STABLE STRICT AS $$
    SELECT public.ST_Transform(shape, known.proj4text, 4326)
    FROM public.spatial_ref_sys AS known WHERE known.srid = public.ST_SRID(shape)
$$;
