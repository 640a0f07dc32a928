-- A `version` is a parcel as one import brought it; `head` holds the version of each parcel that is current, with
-- everything that is asked of it. A version of a running import has no head: that makes an import visible as a whole or
-- not at all. Names are compared byte by byte, so that lists have one order everywhere.

CREATE TABLE import (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    state integer NOT NULL,
    commit_number bigint UNIQUE,
    commit_time bigint,  -- microseconds since 1970 UTC
    record bytea NOT NULL
);

CREATE TABLE version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import bigint NOT NULL REFERENCES import,
    name text COLLATE "C" NOT NULL,
    commune text COLLATE "C" NOT NULL,
    area text COLLATE "C" NOT NULL,
    sheet text COLLATE "C" NOT NULL,
    number text COLLATE "C" NOT NULL,
    sheet_key text COLLATE "C" NOT NULL,
    number_key text COLLATE "C" NOT NULL,
    land_use_code text COLLATE "C" NOT NULL,
    declared_area_m2 double precision,
    area_m2 double precision NOT NULL,
    scale integer NOT NULL,
    srid integer NOT NULL,  -- of `source`; 0 where it is not known
    west double precision, south double precision, east double precision, north double precision,
    error_count integer NOT NULL,
    warning_count integer NOT NULL,
    aliases text[] COLLATE "C" NOT NULL,
    record bytea NOT NULL,  -- the message without what follows
    source bytea NOT NULL,  -- WKB in the plane of the source, byte for byte
    wgs84 bytea NOT NULL,  -- WKB in degrees, byte for byte
    UNIQUE (import, name)
);
CREATE INDEX version_name ON version (name);

CREATE TABLE head (
    name text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,  -- no foreign key: versions that were committed stay, and a commit moves many
    import bigint NOT NULL,
    commune text COLLATE "C" NOT NULL,
    area text COLLATE "C" NOT NULL,
    sheet_key text COLLATE "C" NOT NULL,
    number_key text COLLATE "C" NOT NULL,
    area_m2 double precision NOT NULL,
    west double precision, south double precision, east double precision, north double precision,
    error_count integer NOT NULL,
    warning_count integer NOT NULL,
    aliases text[] COLLATE "C" NOT NULL,
    shape geometry(MultiPolygon, 4326)  -- NULL where there are no polygons to draw
);
CREATE INDEX head_import ON head (import);
CREATE INDEX head_area ON head (area, name);
CREATE INDEX head_key ON head (commune, sheet_key, number_key);
CREATE INDEX head_aliases ON head USING gin (aliases) WITH (fastupdate = off);
CREATE INDEX head_bounds ON head USING gist (ST_MakeEnvelope(west, south, east, north, 4326));
CREATE INDEX head_shape ON head USING gist (shape);

CREATE TABLE finding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import bigint NOT NULL REFERENCES import,
    rank integer NOT NULL,
    rule_code text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    parcel text COLLATE "C" NOT NULL,
    participants text[] COLLATE "C" NOT NULL,
    longitude double precision, latitude double precision,
    place geometry(Point, 4326) GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED,
    message text NOT NULL,
    record bytea NOT NULL,
    UNIQUE (import, rank, rule_code, name)
);
CREATE INDEX finding_order ON finding (rank, rule_code, name);
CREATE INDEX finding_parcel ON finding (parcel, import);
CREATE INDEX finding_participants ON finding USING gin (participants) WITH (fastupdate = off);
CREATE INDEX finding_place ON finding USING gist (place);

CREATE TABLE summary (
    area text COLLATE "C" PRIMARY KEY,
    parcel_count bigint NOT NULL,
    area_m2 double precision NOT NULL,
    counts jsonb NOT NULL,
    newest bigint NOT NULL
);

CREATE TABLE outline (
    layer text COLLATE "C" NOT NULL,
    area text COLLATE "C" NOT NULL,
    wgs84 bytea NOT NULL,
    PRIMARY KEY (layer, area)
);

-- The polygons of WKB; NULL where it holds none or cannot be read.
CREATE FUNCTION polygons(wkb bytea, srid integer) RETURNS public.geometry LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    shape public.geometry;
BEGIN
    shape := public.ST_Multi(public.ST_CollectionExtract(public.ST_Force2D(public.ST_GeomFromWKB(wkb, srid)), 3));
    RETURN CASE WHEN NOT public.ST_IsEmpty(shape) THEN shape END;
EXCEPTION
    WHEN OTHERS THEN RETURN NULL;
END
$$;
