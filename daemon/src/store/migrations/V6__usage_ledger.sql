-- What was used, and what it cost: append-only. Amounts and dollars are decimal texts, summed exactly by whoever reads
-- them. What is reserved for a turn is settled or released by its end: reserved = settled + released.
CREATE TABLE usage_ledger (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    at           TEXT NOT NULL,
    day          TEXT NOT NULL,
    entry        TEXT NOT NULL CHECK (entry IN ('reserved', 'settled', 'released')),
    job          TEXT NOT NULL,
    workflow     TEXT NOT NULL,
    turn         TEXT NOT NULL,
    ask          TEXT NOT NULL,
    meter        TEXT NOT NULL,
    amount       TEXT NOT NULL,
    usd          TEXT,
    price_source TEXT NOT NULL,
    price_as_of  TEXT NOT NULL
) STRICT;
CREATE INDEX usage_ledger_by_job ON usage_ledger (job, turn);
CREATE INDEX usage_ledger_by_day ON usage_ledger (day);

CREATE TRIGGER usage_ledger_is_not_changed BEFORE UPDATE ON usage_ledger
BEGIN SELECT RAISE(ABORT, 'the usage ledger is append-only'); END;
CREATE TRIGGER usage_ledger_is_not_shortened BEFORE DELETE ON usage_ledger
BEGIN SELECT RAISE(ABORT, 'the usage ledger is append-only'); END;
