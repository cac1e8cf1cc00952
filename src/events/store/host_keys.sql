-- The SSH host keys of installed systems, the newest of each algorithm.
CREATE TABLE host_key (
    machine   INTEGER NOT NULL REFERENCES machine (id) ON DELETE CASCADE,
    algorithm TEXT NOT NULL,
    key       TEXT NOT NULL,
    received  INTEGER NOT NULL,
    PRIMARY KEY (machine, algorithm)
) STRICT, WITHOUT ROWID;
