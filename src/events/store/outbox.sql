-- What is to be told to webhooks, and what was told. Times are microseconds since 1970.
CREATE TABLE letter (
    id       INTEGER PRIMARY KEY,
    url      TEXT NOT NULL,
    created  INTEGER NOT NULL,
    body     TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- When it is tried next.
    due      INTEGER NOT NULL,
    -- Why it was not delivered last time.
    error    TEXT NOT NULL,
    is_dead  INTEGER NOT NULL
) STRICT;
CREATE INDEX letter_due ON letter (is_dead, url, due);

-- Up to which transition each webhook was told.
CREATE TABLE told (
    url        TEXT PRIMARY KEY,
    transition INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is wrong with which machine, as each webhook was told.
CREATE TABLE told_finding (
    url     TEXT NOT NULL,
    machine TEXT NOT NULL,
    finding TEXT NOT NULL,
    PRIMARY KEY (url, machine)
) STRICT, WITHOUT ROWID;
