-- A watch area is the newest record of its name; a change without a record is its end.
CREATE TABLE watch_area_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    "user" text NOT NULL,
    time bigint NOT NULL,
    record bytea
);
CREATE INDEX watch_area_change_name ON watch_area_change (name, id DESC);
