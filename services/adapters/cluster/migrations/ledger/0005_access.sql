CREATE TABLE account (name text COLLATE "C" PRIMARY KEY, record bytea NOT NULL);
-- A session that was ended keeps its row, so that a use of it that is under way does not bring it back.
CREATE TABLE session (
    digest text PRIMARY KEY,
    "user" text NOT NULL,
    use_time bigint NOT NULL,
    ended boolean NOT NULL DEFAULT FALSE,
    record bytea NOT NULL
);
CREATE INDEX session_of_user ON session ("user");
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time bigint NOT NULL,
    "user" text NOT NULL,
    method text NOT NULL,
    outcome text NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX audit_time ON audit (time);
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.time < (extract(epoch FROM now()) - 7776000) * 1000000 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit is append-only and kept for 90 days';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
