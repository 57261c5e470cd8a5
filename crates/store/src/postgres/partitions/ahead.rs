//! Partitions are made before anything is started that belongs into them: one that is made later has to look for its rows among those
//! without a partition, and is refused where there are any.

use tokio_postgres::error::SqlState;
use workflow_core::time::{Millis, Timestamp};

use super::{DAY_MS, Table, Tidied, partitions, transaction};
use crate::postgres::error::Trouble;
use crate::postgres::link::Link;
use crate::postgres::read::first_id_from;
use crate::postgres::row::get;

/// So far: over a weekend nobody may have come by.
const AHEAD: Millis = Millis::new(3 * DAY_MS as u64);

/// How many days the next one spans, by how many are over and still there. A statement locks all of them, so there may not be many; and
/// what retention has deleted stays until its partition is over, so they may not span much of the time that things are kept. What is
/// kept for a month lies in days; what is kept for ever in some sixty partitions, and four more a year.
const SPANS: [(usize, i64); 3] = [(32, 1), (48, 7), (64, 28)];
const LONGEST_SPAN: i64 = 91;

fn span(over: usize) -> Millis {
    let days = SPANS.iter().find(|(below, _)| over < *below).map_or(LONGEST_SPAN, |(_, days)| *days);
    Millis::new((days * DAY_MS).unsigned_abs())
}

/// Once it has returned, what is started in the next days has its partition, but where rows of other making are in the way.
pub(super) fn make(link: &Link, table: Table, now: Timestamp, tidied: &mut Tidied) -> Result<(), Trouble> {
    let there = partitions(link, table)?;
    let today = Timestamp::from_millis(now.millis() - now.millis().rem_euclid(DAY_MS));
    if there.is_empty() {
        // What comes from elsewhere may be old.
        add(link, table, None, today, tidied)?;
    }
    let over = there.iter().filter(|partition| partition.from.is_some() && partition.is_over(now)).count();
    // Where nobody was there to make them, nothing was started.
    let mut from = there.last().map_or(today, |newest| newest.to.max(today));
    while from < now + AHEAD {
        let to = from + span(over);
        // Where it is refused for what lies there already, the next day is tried.
        from = if add(link, table, Some(from), to, tidied)? { to } else { from + span(0) };
    }
    Ok(())
}

/// Whether it was made.
fn add(link: &Link, table: Table, from: Option<Timestamp>, to: Timestamp, tidied: &mut Tidied) -> Result<bool, Trouble> {
    let date = |time: Timestamp| -> Result<String, Trouble> {
        let sql = "SELECT to_char(to_timestamp($1::int8 / 1000) AT TIME ZONE 'UTC', 'YYYYMMDD') AS date";
        get(&link.query_one(sql, &[&time.millis()])?, "date")
    };
    let bound = |time: Timestamp| format!("'{}'", first_id_from(time.millis()));
    let since = from.map(date).transpose()?.unwrap_or_else(|| "until".to_owned());
    let name = format!("{}_{since}_{}", table.name, date(to)?);
    let create = format!(
        "CREATE TABLE {name} PARTITION OF {}_dated FOR VALUES FROM ({}) TO ({})",
        table.name,
        from.map_or("MINVALUE".to_owned(), bound),
        bound(to)
    );
    match transaction(link, || link.script(&create)) {
        Ok(()) => {
            tidied.made.push(name);
            Ok(true)
        }
        // One of that name is there that has been let go, and is not dropped yet; rows are there; or others of a person's making.
        Err(trouble)
            if [SqlState::CHECK_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::INVALID_OBJECT_DEFINITION]
                .iter()
                .any(|state| trouble.is(state)) =>
        {
            tracing::info!(partition = name, "a partition is not made: its ids, or its name, are in use");
            Ok(false)
        }
        Err(trouble) => Err(trouble),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `days` days on which everything stays for `kept` of them; how many partitions there are at most, and the longest span.
    fn played(days: i64, kept: i64) -> (usize, i64) {
        let (mut there, mut most, mut longest): (Vec<(i64, i64)>, usize, i64) = (Vec::new(), 0, 0);
        for today in 0..days {
            there.retain(|(_, to)| *to + kept > today);
            let over = there.iter().filter(|(_, to)| *to <= today).count();
            while there.last().map_or(today, |(_, to)| *to) < today + 3 {
                let from = there.last().map_or(today, |(_, to)| *to);
                let days = i64::try_from(span(over).get()).unwrap() / DAY_MS;
                longest = longest.max(days);
                there.push((from, from + days));
            }
            most = most.max(there.len());
        }
        (most, longest)
    }

    #[test]
    fn partitions_are_few_and_span_little_of_what_is_kept() {
        assert_eq!(played(2_000, 1), (4, 1));
        assert_eq!(played(2_000, 30), (33, 1));
        let (most, longest) = played(4_000, 90);
        assert!(most <= 45 && longest == 7, "{most} partitions, of up to {longest} days");
        let (most, longest) = played(4_000, 365);
        assert!(most <= 60 && longest == 28, "{most} partitions, of up to {longest} days");
        let (most, longest) = played(10 * 365, i64::MAX / 2);
        assert!(most <= 110 && longest == 91, "{most} partitions, of up to {longest} days");
    }
}
