-- What files say of the owners of parcels: personal data, in a table of its own that no view shows. A row goes with the
-- version of the parcel that it belongs to.

CREATE TABLE owner (
    import bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    record bytea NOT NULL,  -- the message
    PRIMARY KEY (import, name),
    FOREIGN KEY (import, name) REFERENCES version (import, name) ON DELETE CASCADE
);
CREATE INDEX owner_name ON owner (name);
COMMENT ON TABLE owner IS 'Dữ liệu cá nhân về chủ sử dụng đất / personal data of owners';
