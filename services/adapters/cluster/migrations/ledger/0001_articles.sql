-- Events as they came, what people said, and from these each article as it reads now.
-- Messages are protobuf bytes; columns beside them are what is searched, sorted or checked. Times are microseconds
-- since 1970 UTC.

CREATE TABLE article (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    revision integer NOT NULL,
    change_number bigint NOT NULL,
    change_seq bigint NOT NULL,
    first_collect_time bigint NOT NULL,
    last_collect_time bigint NOT NULL,
    withdrawn_time bigint,
    down_time bigint,
    down_reason text,
    down_user text
);
CREATE INDEX article_order ON article (first_collect_time, seq) WHERE down_time IS NULL;
CREATE INDEX article_change ON article (change_seq) WHERE down_time IS NULL;

-- One row: the number of the last change of any article. Who takes the next number holds the row until the end of the
-- transaction, so that numbers become visible in their order and a reader who follows them misses none.
CREATE TABLE change_counter (value bigint NOT NULL);
INSERT INTO change_counter VALUES (0);

CREATE TABLE version (
    name text COLLATE "C" NOT NULL,
    revision integer NOT NULL,
    content_sha256 text COLLATE "C" NOT NULL,
    collect_time bigint NOT NULL,
    event bytea NOT NULL,
    PRIMARY KEY (name, revision)
);

CREATE TABLE analysis (
    name text COLLATE "C" NOT NULL,
    revision integer NOT NULL,
    analyze_time bigint NOT NULL,
    event bytea NOT NULL,
    PRIMARY KEY (name, revision, analyze_time)
);

CREATE TABLE correction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    "user" text NOT NULL,
    time bigint NOT NULL,
    request bytea NOT NULL
);
CREATE INDEX correction_name ON correction (name, id);

CREATE TABLE evidence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    article text COLLATE "C" NOT NULL,
    sha256 text COLLATE "C" NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    UNIQUE (article, sha256)
);
CREATE INDEX evidence_sha256 ON evidence (sha256);

CREATE TABLE source (name text COLLATE "C" PRIMARY KEY, poll_time bigint NOT NULL, record bytea NOT NULL);
CREATE TABLE source_check (request text COLLATE "C" PRIMARY KEY, record bytea NOT NULL);
CREATE TABLE submission (name text COLLATE "C" PRIMARY KEY, article text COLLATE "C" NOT NULL, failure bytea);
