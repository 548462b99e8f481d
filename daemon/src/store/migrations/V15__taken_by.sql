-- The job that took a thing last: an edited search may have what an earlier run of the same film took, and not what this
-- run took for another place.
ALTER TABLE taken ADD COLUMN job TEXT NOT NULL DEFAULT '';
