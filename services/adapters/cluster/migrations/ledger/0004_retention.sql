-- What is forgotten when its time is over. `short_revision` is the revision up to which texts are excerpts.
ALTER TABLE article ADD COLUMN short_revision integer NOT NULL DEFAULT 0;
CREATE INDEX article_collected ON article (last_collect_time) WHERE down_time IS NULL;

-- A hold is the newest change of its name; a change without a reason is its end.
CREATE TABLE hold_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    "user" text NOT NULL,
    time bigint NOT NULL,
    reason text
);
CREATE INDEX hold_change_name ON hold_change (name, id DESC);
