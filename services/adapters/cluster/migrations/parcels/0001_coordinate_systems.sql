-- PostGIS, and the zones of VN-2000 that it does not know. What the user of the database may not do is told in Vietnamese
-- (message) and English (detail).
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public;
EXCEPTION
    WHEN undefined_file OR feature_not_supported THEN
        RAISE EXCEPTION 'Máy chủ PostgreSQL chưa cài PostGIS. Hãy cài gói PostGIS của đúng phiên bản PostgreSQL (trên Debian: postgresql-15-postgis-3).'
        USING DETAIL = 'The PostgreSQL server lacks PostGIS. Install the PostGIS package of its version of PostgreSQL (Debian: postgresql-15-postgis-3).';
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'Người dùng % không được tạo phần mở rộng PostGIS. Quản trị viên hãy chạy trong cơ sở dữ liệu này: CREATE EXTENSION postgis SCHEMA public; GRANT INSERT ON spatial_ref_sys TO %;', current_user, current_user
        USING DETAIL = format('The user %s may not create the extension PostGIS. Have an administrator run in this database: CREATE EXTENSION postgis SCHEMA public; GRANT INSERT ON spatial_ref_sys TO %s;', current_user, current_user);
END
$$;

-- EPSG:9205 to 9218, written as PostGIS writes 5896 to 5899. TOWGS84 and +towgs84 hold EPSG:6960 in the signs of
-- "Position Vector": its three rotations negated. The deprecated codes 6956 to 6959, whose offsets are swapped, are used
-- nowhere.
DO $$
BEGIN
    INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)
    SELECT
        zone.srid, 'EPSG', zone.srid,
        format(
            'PROJCS["VN-2000 / TM-3 %1$s",GEOGCS["VN-2000",DATUM["Vietnam_2000",SPHEROID["WGS 84",6378137,298.257223563,'
            'AUTHORITY["EPSG","7030"]],TOWGS84[%4$s],AUTHORITY["EPSG","6756"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
            'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4756"]],'
            'PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",%2$s],'
            'PARAMETER["scale_factor",0.9999],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],'
            'UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],AXIS["Northing",NORTH],AUTHORITY["EPSG","%3$s"]]',
            zone.title, zone.meridian, zone.srid, shift.parameters
        ),
        format(
            '+proj=tmerc +lat_0=0 +lon_0=%s +k=0.9999 +x_0=500000 +y_0=0 +ellps=WGS84 +towgs84=%s +units=m +no_defs',
            zone.meridian, shift.parameters
        )
    FROM
        (VALUES ('-191.90441429,-39.30318279,-111.45032835,0.00928836,-0.01975479,0.00427372,0.252906278'))
            AS shift (parameters),
        (VALUES
            (9205, '103-00', '103'), (9206, '104-00', '104'), (9207, '104-30', '104.5'), (9208, '104-45', '104.75'),
            (9209, '105-30', '105.5'), (9210, '105-45', '105.75'), (9211, '106-00', '106'), (9212, '106-15', '106.25'),
            (9213, '106-30', '106.5'), (9214, '107-00', '107'), (9215, '107-15', '107.25'), (9216, '107-30', '107.5'),
            (9217, '108-15', '108.25'), (9218, '108-30', '108.5')
        ) AS zone (srid, title, meridian)
    WHERE NOT EXISTS (SELECT FROM spatial_ref_sys AS known WHERE known.srid = zone.srid);
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'Người dùng % không được bổ sung hệ toạ độ VN-2000 vào spatial_ref_sys. Quản trị viên hãy chạy trong cơ sở dữ liệu này: GRANT INSERT ON spatial_ref_sys TO %;', current_user, current_user
        USING DETAIL = format('The user %s may not add the systems of VN-2000 to spatial_ref_sys. Have an administrator run in this database: GRANT INSERT ON spatial_ref_sys TO %s;', current_user, current_user);
END
$$;
