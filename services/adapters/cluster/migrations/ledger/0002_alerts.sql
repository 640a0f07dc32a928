-- A rule is the newest record of its name; a change without a record is its end.
CREATE TABLE alert_rule_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    "user" text NOT NULL,
    time bigint NOT NULL,
    record bytea
);
CREATE INDEX alert_rule_change_name ON alert_rule_change (name, id DESC);

CREATE TABLE alert (
    name text COLLATE "C" PRIMARY KEY,
    rule text COLLATE "C" NOT NULL,
    article text COLLATE "C" NOT NULL,
    severity integer NOT NULL,
    raise_time bigint NOT NULL,
    open boolean NOT NULL,
    areas text[] NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX alert_time ON alert (raise_time DESC, name);
CREATE INDEX alert_rule ON alert (rule, raise_time);
