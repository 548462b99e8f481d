-- Folders of results into which a run of the daemon writes: what it leaves half written when it is killed is looked for there
-- at the next start.
CREATE TABLE publish_folders (
    folder TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
