-- How machines' files differ from their roles, as `edeploy verify` told last.
CREATE TABLE drift (
    machine  INTEGER PRIMARY KEY REFERENCES machine (id) ON DELETE CASCADE,
    received INTEGER NOT NULL,
    -- All but the differences, as JSON.
    summary  TEXT NOT NULL
) STRICT;

CREATE TABLE difference (
    machine  INTEGER NOT NULL REFERENCES machine (id) ON DELETE CASCADE,
    path     TEXT NOT NULL,
    aspect   TEXT NOT NULL,
    expected TEXT NOT NULL,
    found    TEXT NOT NULL,
    below    INTEGER NOT NULL,
    PRIMARY KEY (machine, path, aspect)
) STRICT, WITHOUT ROWID;
