-- A job that was recorded by another daemon and is here to be looked at: nothing takes it for work done here.
ALTER TABLE jobs ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;
