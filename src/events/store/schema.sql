-- Every report, what it belongs to, and what it came to. Times are microseconds since 1970.
CREATE TABLE machine (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    -- The folded machine as JSON.
    summary TEXT NOT NULL
) STRICT;

CREATE TABLE alias (
    alias   TEXT PRIMARY KEY,
    machine INTEGER NOT NULL REFERENCES machine (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_machine ON alias (machine);

CREATE TABLE deployment (
    number  INTEGER PRIMARY KEY,
    machine INTEGER NOT NULL REFERENCES machine (id) ON DELETE CASCADE,
    profile TEXT,
    action  TEXT NOT NULL,
    origin  TEXT NOT NULL,
    status  TEXT NOT NULL,
    error   TEXT NOT NULL,
    failed_step TEXT,
    started INTEGER NOT NULL,
    ended   INTEGER
) STRICT;
CREATE INDEX deployment_machine ON deployment (machine, number);
CREATE INDEX deployment_status ON deployment (status, number);

CREATE TABLE event (
    id         INTEGER PRIMARY KEY,
    machine    INTEGER NOT NULL REFERENCES machine (id) ON DELETE CASCADE,
    deployment INTEGER,
    received   INTEGER NOT NULL,
    happened   INTEGER NOT NULL,
    origin     TEXT NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    result     TEXT,
    level      TEXT NOT NULL,
    percent    REAL,
    description TEXT NOT NULL,
    -- Of origin, name and kind; none where the producer gave no time, so that nothing is a repeat.
    repeat_key INTEGER
) STRICT;
CREATE UNIQUE INDEX event_repeat ON event (machine, happened, repeat_key);
CREATE INDEX event_deployment ON event (deployment, id);

CREATE TABLE log (
    id         INTEGER PRIMARY KEY,
    machine    INTEGER NOT NULL REFERENCES machine (id) ON DELETE CASCADE,
    deployment INTEGER,
    received   INTEGER NOT NULL,
    name       TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    -- Compressed with zstd.
    content    BLOB NOT NULL
) STRICT;
CREATE INDEX log_deployment ON log (deployment, id);
CREATE INDEX log_machine ON log (machine, id);

CREATE TABLE transition (
    id         INTEGER PRIMARY KEY,
    machine    INTEGER NOT NULL REFERENCES machine (id) ON DELETE CASCADE,
    deployment INTEGER,
    at         INTEGER NOT NULL,
    profile    TEXT,
    action     TEXT NOT NULL,
    result     TEXT,
    standing   TEXT NOT NULL,
    previous   TEXT NOT NULL
) STRICT;
CREATE INDEX transition_machine ON transition (machine, id);

CREATE TABLE usual (
    profile TEXT PRIMARY KEY,
    -- What was learnt, as JSON.
    learnt  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
