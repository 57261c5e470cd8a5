//! Where a worker connects to: the addresses that its user gave, and those of the engines that its servers name. Nothing here waits.
//!
//! As long as nobody is connected, all addresses are dialled in turn, those of the user first. Once somebody is, all engines are that a
//! server of ours names, each at its own address; those of the user too as long as one is missing that is not reached there, or that has
//! not said where it is. A server that names nobody is the only one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use workflow_server::protocol::Engines;

use super::ledger::LineNumber;

pub const BACKOFF_MIN: Duration = Duration::from_millis(100);
pub const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// A server that asks to come back is obeyed at once, unless that is all it does.
const AT_ONCE_AFTER: Duration = Duration::from_secs(1);
/// Engines of one list that are looked at; the rest own nothing, for there are not as many ranges.
const ENGINES_MAX: usize = 256;

pub type Address = Arc<str>;

#[derive(Debug)]
pub struct Roster {
    /// By the user, in their order.
    given: Vec<Address>,
    places: BTreeMap<Address, Place>,
    /// The address that is dialled because nobody is connected.
    in_turn: Option<Address>,
    /// How many of this round have been dialled.
    turn: usize,
    round: Pause,
}

#[derive(Debug)]
struct Place {
    stage: Stage,
    pause: Pause,
    /// The engine that was there last.
    leads_to: Option<String>,
    /// It could not be reached when it was tried last.
    is_known_away: bool,
}

#[derive(Debug)]
enum Stage {
    Idle,
    /// It is dialled, or its connection ends.
    Busy,
    Connected {
        line: LineNumber,
        since: Instant,
        /// Which engine this is, and which others it named last.
        told: Option<Engines>,
    },
}

/// When to try again.
#[derive(Debug, Clone, Copy)]
struct Pause {
    due: Instant,
    backoff: Duration,
}

/// What a connection ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The server has said that the worker is to come back.
    ComeBack,
    /// Another connection has taken its place.
    Replaced,
    Broken,
}

/// What is to be done now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Next {
    pub dial: Vec<Address>,
    /// When to ask again, unless something happens before.
    pub at: Option<Instant>,
}

impl Roster {
    pub fn new(given: Vec<Address>, now: Instant) -> Roster {
        Roster { given, places: BTreeMap::new(), in_turn: None, turn: 0, round: Pause::over(now) }
    }

    /// Those to be dialled, which counts as begun.
    pub fn next(&mut self, now: Instant) -> Next {
        let next = if self.is_connected() { self.missing(now) } else { self.in_turn(now) };
        for address in &next.dial {
            self.place(address, now).stage = Stage::Busy;
        }
        next
    }

    pub fn is_connected(&self) -> bool {
        self.places.values().any(|place| matches!(place.stage, Stage::Connected { .. }))
    }

    /// The worker is welcome there. With the connection whose place this one has taken: the same engine, by another address.
    pub fn connected(&mut self, address: &Address, line: LineNumber, told: Option<Engines>, now: Instant) -> Option<LineNumber> {
        self.end_turn(address);
        (self.turn, self.round) = (0, Pause::over(now));
        let place = self.place(address, now);
        (place.pause, place.is_known_away) = (Pause::over(now), false);
        place.stage = Stage::Connected { line, since: now, told: None };
        told.and_then(|told| self.hear(address, told, now))
    }

    /// What a server says of its engine and the others. As above.
    pub fn hear(&mut self, at: &Address, mut engines: Engines, now: Instant) -> Option<LineNumber> {
        engines.engines.truncate(ENGINES_MAX);
        // Whoever is reached in a way that nobody can listen to is told a token that must not be sent otherwise.
        if self.given.iter().all(|given| !is_plain(given)) {
            engines.engines.iter_mut().for_each(|engine| engine.url = engine.url.take().filter(|url| !is_plain(url)));
        }
        // They are known also when nobody is left who names them.
        for url in engines.engines.iter().filter_map(|engine| engine.url.as_deref()) {
            self.place(&address(url), now);
        }
        let own = engines.engine.clone();
        let place = self.places.get_mut(at)?;
        let Stage::Connected { line: newer, told, .. } = &mut place.stage else { return None };
        (*told, place.leads_to) = (Some(engines), Some(own.clone()));
        let newer = *newer;
        self.places.values_mut().find_map(|place| match &place.stage {
            Stage::Connected { line, told: Some(told), .. } if told.engine == own && *line < newer => {
                let line = *line;
                place.stage = Stage::Busy;
                Some(line)
            }
            _ => None,
        })
    }

    /// Nobody was reached there. Whether that is new.
    pub fn failed(&mut self, address: &Address, now: Instant) -> bool {
        self.end_turn(address);
        let place = self.place(address, now);
        place.stage = Stage::Idle;
        place.pause.again(now);
        !std::mem::replace(&mut place.is_known_away, true)
    }

    /// The connection is gone.
    pub fn lost(&mut self, address: &Address, loss: Loss, now: Instant) {
        let place = self.place(address, now);
        let has_lasted = match place.stage {
            Stage::Connected { since, .. } => now.duration_since(since) >= AT_ONCE_AFTER,
            Stage::Idle | Stage::Busy => false,
        };
        place.stage = Stage::Idle;
        let mut pause = Pause::over(now);
        if loss != Loss::ComeBack || !has_lasted {
            pause.again(now);
        }
        place.pause = pause;
        let is_alone = self.places.values().all(|place| matches!(place.stage, Stage::Idle));
        if loss == Loss::Replaced && !is_alone {
            // By a connection of this worker, most likely: it is about to know which engine it leads to.
            self.place(address, now).pause.due = now + BACKOFF_MAX;
        }
        if !self.is_connected() {
            (self.turn, self.round) = (0, self.place(address, now).pause);
        }
    }

    fn place(&mut self, address: &Address, now: Instant) -> &mut Place {
        let new = || Place { stage: Stage::Idle, pause: Pause::over(now), leads_to: None, is_known_away: false };
        self.places.entry(address.clone()).or_insert_with(new)
    }

    fn end_turn(&mut self, address: &Address) {
        self.in_turn.take_if(|dialled| dialled == address);
    }

    fn is_idle(&self, address: &Address) -> bool {
        self.places.get(address).is_none_or(|place| matches!(place.stage, Stage::Idle))
    }

    /// One after the other, and a pause after each round.
    fn in_turn(&mut self, now: Instant) -> Next {
        if self.in_turn.is_some() {
            return Next::default();
        }
        if self.round.due > now {
            return Next { dial: Vec::new(), at: Some(self.round.due) };
        }
        let others = self.places.keys().filter(|address| !self.given.contains(address));
        let all: Vec<Address> = self.given.iter().chain(others).cloned().collect();
        let dialled = all.iter().enumerate().skip(self.turn).find(|(_, address)| self.is_idle(address));
        match dialled {
            Some((turn, address)) => {
                self.turn = turn + 1;
                self.in_turn = Some(address.clone());
                Next { dial: vec![address.clone()], at: None }
            }
            None => {
                self.turn = 0;
                self.round.again(now);
                Next { dial: Vec::new(), at: Some(self.round.due) }
            }
        }
    }

    /// The engines that a server of ours names and that are not connected.
    fn missing(&mut self, now: Instant) -> Next {
        let told: Vec<&Engines> = self.places.values().filter_map(Place::told).collect();
        let connected: BTreeSet<&str> = told.iter().map(|told| told.engine.as_str()).collect();
        let named = told.iter().flat_map(|told| &told.engines);
        let missing: Vec<_> = named.clone().filter(|engine| !connected.contains(engine.id.as_str())).collect();
        let mut wanted: BTreeSet<Address> = missing.iter().filter_map(|engine| engine.url.as_deref().map(address)).collect();
        let is_away = |url: &str| self.places.get(&address(url)).is_some_and(|place| place.is_known_away);
        if missing.iter().any(|engine| engine.url.as_deref().is_none_or(is_away)) {
            let leads_nowhere_new = |given: &Address| {
                let leads_to = self.places.get(given).and_then(|place| place.leads_to.as_deref());
                leads_to.is_some_and(|engine| connected.contains(engine))
            };
            wanted.extend(self.given.iter().filter(|given| !leads_nowhere_new(given)).cloned());
        }
        let known: BTreeSet<Address> =
            named.filter_map(|engine| engine.url.as_deref().map(address)).chain(self.given.iter().cloned()).collect();
        self.places.retain(|address, place| known.contains(address) || !matches!(place.stage, Stage::Idle));
        let mut next = Next::default();
        for address in wanted.into_iter().filter(|address| self.is_idle(address)) {
            match self.places.get(&address).map(|place| place.pause.due).filter(|due| *due > now) {
                Some(due) => next.at = Some(next.at.map_or(due, |at| at.min(due))),
                None => next.dial.push(address),
            }
        }
        next
    }
}

impl Place {
    fn told(&self) -> Option<&Engines> {
        match &self.stage {
            Stage::Connected { told, .. } => told.as_ref(),
            Stage::Idle | Stage::Busy => None,
        }
    }
}

impl Pause {
    fn over(now: Instant) -> Pause {
        Pause { due: now, backoff: BACKOFF_MIN }
    }

    /// After one more that has come to nothing.
    fn again(&mut self, now: Instant) {
        self.due = now + jittered(self.backoff);
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
    }
}

/// As it is compared.
pub fn address(url: &str) -> Address {
    url.trim().trim_end_matches('/').into()
}

fn is_plain(url: &str) -> bool {
    !url.trim_start().starts_with("https://")
}

/// Between half and all of it, so that a thousand workers do not come back at the same moment.
fn jittered(delay: Duration) -> Duration {
    let random = f64::from(Uuid::new_v4().as_u128() as u16) / f64::from(u16::MAX);
    delay.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use workflow_server::protocol::EngineAt;

    use super::*;

    fn roster(given: &[&str]) -> (Roster, Instant) {
        let now = Instant::now();
        (Roster::new(given.iter().map(|url| address(url)).collect(), now), now)
    }

    fn told(own: &str, all: &[(&str, &str)]) -> Engines {
        let at = |(id, url): &(&str, &str)| {
            let url = Some(url.to_string()).filter(|url| !url.is_empty());
            EngineAt { id: id.to_string(), url }
        };
        Engines { engine: own.to_owned(), engines: all.iter().map(at).collect() }
    }

    fn dial(roster: &mut Roster, now: Instant) -> Vec<String> {
        roster.next(now).dial.iter().map(ToString::to_string).collect()
    }

    const A: &str = "http://a";
    const B: &str = "http://b";
    const C: &str = "http://c";

    #[tokio::test]
    async fn a_server_that_names_nobody_is_the_only_one() {
        let (mut roster, now) = roster(&[A, B]);
        assert_eq!(dial(&mut roster, now), [A]);
        assert_eq!(roster.next(now), Next::default(), "one after the other");
        roster.connected(&address(A), LineNumber::of(1), None, now);
        assert_eq!(roster.next(now + BACKOFF_MAX), Next::default());
        roster.lost(&address(A), Loss::Broken, now);
        let at = roster.next(now).at.unwrap();
        assert!((now + BACKOFF_MIN / 2..=now + BACKOFF_MIN).contains(&at));
        assert_eq!(dial(&mut roster, at), [A]);
        assert!(roster.failed(&address(A), at));
        assert_eq!(dial(&mut roster, at), [B], "without a pause: it may be there");
        roster.failed(&address(B), at);
        let again = roster.next(at).at.unwrap();
        assert!((at + BACKOFF_MIN..=at + BACKOFF_MIN * 2).contains(&again), "a pause after each round, and a longer one");
        assert_eq!(dial(&mut roster, again), [A]);
        assert!(!roster.failed(&address(A), again), "that is known");
    }

    #[tokio::test]
    async fn pauses_end_to_grow() {
        let (mut roster, mut now) = roster(&[A]);
        for _ in 0..20 {
            assert_eq!(dial(&mut roster, now), [A]);
            roster.failed(&address(A), now);
            let at = roster.next(now).at.unwrap();
            assert!(at <= now + BACKOFF_MAX);
            now = at;
        }
    }

    #[tokio::test]
    async fn who_is_asked_to_come_back_does_so_at_once_unless_that_is_all() {
        let (mut roster, start) = roster(&[A]);
        for (lasted, at_once) in [(AT_ONCE_AFTER, true), (AT_ONCE_AFTER / 2, false)] {
            assert_eq!(dial(&mut roster, start), [A]);
            roster.connected(&address(A), LineNumber::of(1), None, start);
            let now = start + lasted;
            roster.lost(&address(A), Loss::ComeBack, now);
            assert_eq!(!dial(&mut roster, now).is_empty(), at_once);
            roster.failed(&address(A), start);
            (roster.turn, roster.round) = (0, Pause::over(start));
        }
        // The same of one among others.
        roster.connected(&address(A), LineNumber::of(2), Some(told("a", &[("a", A), ("b", B)])), start);
        assert_eq!(dial(&mut roster, start), [B]);
        roster.connected(&address(B), LineNumber::of(3), Some(told("b", &[("a", A), ("b", B)])), start);
        let now = start + AT_ONCE_AFTER;
        roster.lost(&address(B), Loss::ComeBack, now);
        assert_eq!(dial(&mut roster, now), [B]);
    }

    #[tokio::test]
    async fn those_that_are_named_are_dialled_until_nobody_names_them() {
        let (mut roster, now) = roster(&[A]);
        dial(&mut roster, now);
        roster.connected(&address(A), LineNumber::of(1), Some(told("a", &[("a", A), ("b", B), ("c", "http://c/")])), now);
        assert_eq!(dial(&mut roster, now), [B, C]);
        roster.connected(&address(B), LineNumber::of(2), Some(told("b", &[("a", A), ("b", B), ("c", C)])), now);
        roster.failed(&address(C), now);
        let at = roster.next(now).at.unwrap();
        assert_eq!(dial(&mut roster, at), [C]);
        roster.failed(&address(C), at);
        assert_eq!(roster.hear(&address(A), told("a", &[("a", A), ("b", B)]), at), None);
        let later = at + 2 * BACKOFF_MAX;
        assert_eq!(dial(&mut roster, later), [C], "one of them still names it");
        roster.failed(&address(C), later);
        assert_eq!(roster.hear(&address(B), told("b", &[("a", A), ("b", B)]), later), None);
        assert_eq!(roster.next(later + 2 * BACKOFF_MAX), Next::default());
        assert!(!roster.places.contains_key(&address(C)));

        // One that was started again at its old address is another engine, and not there twice.
        roster.lost(&address(B), Loss::Broken, later);
        roster.hear(&address(A), told("a", &[("a", A), ("b2", B)]), later);
        let at = roster.next(later).at.unwrap();
        assert_eq!(dial(&mut roster, at), [B]);
        roster.connected(&address(B), LineNumber::of(3), Some(told("b2", &[("a", A), ("b2", B)])), at);
        roster.hear(&address(A), told("a", &[("a", A), ("b", B), ("b2", B)]), at);
        assert_eq!(roster.next(at), Next::default());
    }

    #[tokio::test]
    async fn what_the_user_gave_is_tried_for_an_engine_that_has_not_said_where_it_is() {
        let (mut roster, now) = roster(&[A, B]);
        dial(&mut roster, now);
        let named = |own: &str| Some(told(own, &[("a", ""), ("b", "")]));
        roster.connected(&address(A), LineNumber::of(1), named("a"), now);
        assert_eq!(dial(&mut roster, now), [B]);
        // It leads to the first one, whose place it has taken.
        assert_eq!(roster.connected(&address(B), LineNumber::of(2), named("a"), now), Some(LineNumber::of(1)));
        roster.lost(&address(A), Loss::Replaced, now);
        assert_eq!(roster.next(now + BACKOFF_MAX), Next::default(), "both are known to lead there");
        roster.lost(&address(B), Loss::Broken, now);
        assert_eq!(dial(&mut roster, now + BACKOFF_MAX), [A]);
        roster.connected(&address(A), LineNumber::of(3), named("b"), now + BACKOFF_MAX);
        assert_eq!(dial(&mut roster, now + BACKOFF_MAX), [B]);
    }

    #[tokio::test]
    async fn what_the_user_gave_is_tried_for_an_engine_that_is_not_where_it_says() {
        let (mut roster, now) = roster(&[A, B]);
        dial(&mut roster, now);
        let named = |own: &str| Some(told(own, &[("a", "http://inner-a"), ("b", "http://inner-b")]));
        roster.connected(&address(A), LineNumber::of(1), named("a"), now);
        assert_eq!(dial(&mut roster, now), ["http://inner-b"]);
        roster.failed(&address("http://inner-b"), now);
        assert_eq!(dial(&mut roster, now), [B]);
        roster.connected(&address(B), LineNumber::of(2), named("b"), now);
        assert_eq!(roster.next(now + BACKOFF_MAX), Next::default());
    }

    #[tokio::test]
    async fn who_is_replaced_by_an_own_connection_waits_until_that_knows_where_it_leads() {
        let (mut roster, now) = roster(&[A, B]);
        dial(&mut roster, now);
        roster.connected(&address(A), LineNumber::of(1), Some(told("a", &[("a", A), ("b", "")])), now);
        assert_eq!(dial(&mut roster, now), [B]);
        roster.lost(&address(A), Loss::Replaced, now);
        assert_eq!(roster.next(now).at, Some(now + BACKOFF_MAX));
    }

    #[tokio::test]
    async fn who_was_reached_over_tls_leads_to_nobody_who_is_not() {
        let (mut roster, now) = roster(&["https://a"]);
        dial(&mut roster, now);
        roster.connected(&address("https://a"), LineNumber::of(1), Some(told("a", &[("b", B), ("c", "https://c")])), now);
        assert_eq!(dial(&mut roster, now), ["https://c"]);
    }
}
