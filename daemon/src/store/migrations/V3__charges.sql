-- What each turn of a job was charged of the budget, by what it asked for: a job that goes on is not given all of it
-- once more. Amounts are whole: thousandths of seconds and of credits, millionths of dollars.
CREATE TABLE charges (
    job          TEXT NOT NULL REFERENCES jobs (id),
    turn         TEXT NOT NULL,
    ask          TEXT NOT NULL,
    render_ms    INTEGER NOT NULL DEFAULT 0,
    usd_micros   INTEGER NOT NULL DEFAULT 0,
    millicredits INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, turn, ask)
) STRICT, WITHOUT ROWID;
