-- The day on the user's calendar on which a call was written down, so that days and months can be summed.
ALTER TABLE paid_calls ADD COLUMN day TEXT NOT NULL DEFAULT '';
UPDATE paid_calls SET day = substr(created_at, 1, 10);
CREATE INDEX paid_calls_by_day ON paid_calls (day);

-- What was told of a day or a month: each percentage once.
CREATE TABLE spending_told (
    period  TEXT NOT NULL,
    percent INTEGER NOT NULL,
    at      TEXT NOT NULL,
    PRIMARY KEY (period, percent)
) STRICT;
