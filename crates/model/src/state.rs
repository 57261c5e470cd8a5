//! What a moment consists of: what the database holds, what each engine holds, what lies in the network between.
//!
//! Small values that can be copied, compared and renamed. Numbers of batches and epochs are counted from what the engine itself holds
//! for the newest, so that they do not grow; what could never matter again is forgotten. So as many commits, gifts and lives of engines
//! as anybody likes are few states.

use std::array::from_fn;
use std::cmp::Ordering;

/// How many engines there are at a time; one that is gone for good makes room for one with a new id.
pub const ENGINES: usize = 3;
/// How many ranges, with one execution each.
pub const RANGES: usize = 2;

/// Engines by number, as bits.
pub type Engines = u8;
/// Ranges by number, as bits.
pub type Ranges = u8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    pub engines: [Engine; ENGINES],
    /// Who owns a range, in the table.
    pub owner: [Option<u8>; RANGES],
    /// How many events of its execution are committed.
    pub history: [u8; RANGES],
    /// The transaction that holds the lock on the members; others wait for it.
    pub takeover: Option<Takeover>,
    /// How many faults may still happen.
    pub faults: u8,
    /// How many ranges may still be given.
    pub gifts: u8,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Never joined.
    #[default]
    Off,
    Joining,
    Up,
    /// Crashed, stopped or closed since it has lost its place; the database may still know it.
    Gone,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Engine {
    pub phase: Phase,
    pub row: Option<Row>,
    /// As long as the lease has passed since the newest beat that the database knows was *asked*. Only then can the lease be over.
    pub ripe: bool,
    /// What the engine believes: its lease lasts.
    pub holds: bool,
    /// What the thread of the lease does.
    pub talk: Talk,
    /// A range was being given since the beat was asked: which ranges its answer names does not count.
    pub deaf: bool,
    pub parts: [Part; RANGES],
    /// The range that the batch under way gives, and to whom.
    pub gift: Option<Gift>,
    /// The commit of which the outcome is not known.
    pub message: Option<Message>,
    /// One that was given up and may still arrive.
    pub ghost: Option<Message>,
    /// A reopening that was given up and may still arrive.
    pub late_reopening: bool,
    /// The attempt between the question for the lease and the socket.
    pub handing: Option<Handing>,
    /// Notifications that have not been read; only for mutations.
    pub notes: Ranges,
}

/// In the database. What is not committed is elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// More than the engine knows of.
    pub epoch: i8,
    /// More than the engine knows of.
    pub batch: i8,
    /// By the clock of the database.
    pub lapsed: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Talk {
    #[default]
    Nothing,
    /// A beat lies in the network; `old`: a lease has passed since it was asked.
    Asked { old: bool },
    /// A beat is written; the answer, which names these ranges, lies in the network.
    Renewed { own: Ranges },
    /// Its transaction is under way.
    TakesOver,
    /// Its transaction is committed; the answer, which names these ranges, lies in the network.
    TookOver { taken: Ranges },
}

/// What an engine knows of a range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// It decides about it, and has read what is committed.
    pub own: bool,
    /// Events, decided or loaded.
    pub length: u8,
    /// So many of them are known to be durable.
    pub durable: u8,
    /// So many of them are indeed those of the database. Nobody knows this; properties ask for it.
    pub true_to: u8,
    /// The attempt in flight is with a worker, or it was found begun.
    pub out: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gift {
    pub range: u8,
    pub to: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    pub place: Place,
    pub epoch: i8,
    pub number: i8,
    /// Where its events begin.
    pub base: [u8; RANGES],
    /// How many it adds.
    pub adds: [u8; RANGES],
    /// They were decided by one who had seen all before.
    pub sound: bool,
    pub gift: Option<Gift>,
    /// A ghost of which the engine does not know yet what became of it.
    pub in_doubt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    InTheNetwork,
    /// Past the fence: the row is locked, nothing is visible.
    Open,
    /// The answer is on its way.
    Committed,
    /// Refused, or nobody knows: the engine has to reopen.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handing {
    pub range: u8,
    /// The event that has begun it is the last of so many.
    pub length: u8,
    /// The process stood still for longer than the margin of the lease.
    pub slept: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Takeover {
    pub by: u8,
    pub joins: bool,
    /// Rows that its DELETE has found and not come to.
    pub found: Engines,
    /// Rows that it has deleted, and locked.
    pub deleted: Engines,
    /// Ranges that it has taken, and locked.
    pub taken: Option<Ranges>,
}

impl State {
    /// No engine has ever joined.
    pub fn first(faults: u8, gifts: u8) -> State {
        State {
            engines: from_fn(|_| Engine::default()),
            owner: [None; RANGES],
            history: [0; RANGES],
            takeover: None,
            faults,
            gifts,
        }
    }

    pub fn row(&self, engine: u8) -> Option<Row> {
        self.engines[usize::from(engine)].row
    }

    /// Engines that have a row of which this is true.
    pub fn rows(&self, of: impl Fn(Row) -> bool) -> Engines {
        bits(self.engines.iter().map(|engine| engine.row.is_some_and(&of)))
    }

    /// A transaction has changed this row and is not over.
    pub fn is_locked(&self, engine: usize) -> bool {
        let messages = [self.engines[engine].message, self.engines[engine].ghost];
        self.takeover.is_some_and(|takeover| has(takeover.deleted, engine))
            || messages.iter().flatten().any(|message| message.place == Place::Open)
    }

    /// Ranges of which the owner has no row.
    pub fn orphans(&self, rows: Engines) -> Ranges {
        bits(self.owner.iter().map(|owner| owner.is_none_or(|owner| !has(rows, usize::from(owner)))))
    }

    /// One for all that differ in names only: which engine is which, and which range, makes no difference.
    pub fn renamed(&self) -> State {
        // Most are told apart by what has no names in it; what is left is tried.
        let engines = self.engines.map(|engine| engine.nameless());
        let orders = ORDERS.iter().filter(|order| order.map(|at| &engines[usize::from(at)]).is_sorted());
        let swaps: &[[u8; RANGES]] = match self.history[0].cmp(&self.history[1]) {
            Ordering::Less => &[[0, 1]],
            Ordering::Equal => &[[0, 1], [1, 0]],
            Ordering::Greater => &[[1, 0]],
        };
        let all = orders.flat_map(|engines| swaps.iter().map(|ranges| self.rename(*engines, *ranges)));
        all.min().expect("one order is sorted")
    }

    /// Engine `n` of the new state is `engines[n]` of this one, and so with ranges.
    pub(crate) fn rename(&self, engines: [u8; ENGINES], ranges: [u8; RANGES]) -> State {
        let engine = |old: u8| (0..3u8).find(|new| engines[usize::from(*new)] == old).expect("each is in an order once");
        let range = |old: u8| if ranges[0] == old { 0 } else { 1 };
        let gift = |gift: Gift| Gift { range: range(gift.range), to: engine(gift.to) };
        let message = |message: Message| Message {
            base: pick(message.base, ranges),
            adds: pick(message.adds, ranges),
            gift: message.gift.map(gift),
            ..message
        };
        let of_engines = |old: Engines| bits(engines.iter().map(|at| has(old, usize::from(*at))));
        let of_ranges = |old: Ranges| bits(ranges.iter().map(|at| has(old, usize::from(*at))));
        let renamed = |old: Engine| Engine {
            talk: match old.talk {
                Talk::Renewed { own } => Talk::Renewed { own: of_ranges(own) },
                Talk::TookOver { taken } => Talk::TookOver { taken: of_ranges(taken) },
                talk => talk,
            },
            parts: pick(old.parts, ranges),
            gift: old.gift.map(gift),
            message: old.message.map(message),
            ghost: old.ghost.map(message),
            handing: old.handing.map(|handing| Handing { range: range(handing.range), ..handing }),
            notes: of_ranges(old.notes),
            ..old
        };
        State {
            engines: engines.map(|at| renamed(self.engines[usize::from(at)])),
            owner: pick(self.owner, ranges).map(|owner| owner.map(engine)),
            history: pick(self.history, ranges),
            takeover: self.takeover.map(|old| Takeover {
                by: engine(old.by),
                found: of_engines(old.found),
                deleted: of_engines(old.deleted),
                taken: old.taken.map(of_ranges),
                ..old
            }),
            ..*self
        }
    }

    /// Forgets what could never matter again, unless a rule is broken on which that rests.
    pub fn tidy(&mut self, keeps_refused: bool, keeps_fenced: bool) {
        for at in 0..ENGINES {
            let engine = &mut self.engines[at];
            if engine.phase == Phase::Gone
                && let Some(row) = engine.row
            {
                engine.count_from(row.epoch, row.batch);
                engine.ripe = false;
            }
            // Neither an epoch nor the number of a batch ever becomes smaller, and an id that is gone never comes back.
            let refused = |ghost: &Message| engine.row.is_none_or(|row| ghost.epoch < row.epoch || ghost.number <= row.batch);
            if !keeps_refused && engine.ghost.is_some_and(|ghost| ghost.place == Place::InTheNetwork && refused(&ghost)) {
                engine.ghost = None;
            }
            if engine.row.is_none() {
                engine.late_reopening = false;
            }
            // Without a row and without a lease whatever it knows leads to nothing. What is left: it learns of it, stands at the socket,
            // or takes over from others.
            if engine.phase == Phase::Up && engine.row.is_none() && !engine.holds && !keeps_fenced {
                let talk = if engine.talk == Talk::TakesOver { engine.talk } else { Talk::Nothing };
                *engine = Engine { phase: Phase::Up, ripe: true, talk, handing: engine.handing, ..Engine::default() };
            }
        }
        for at in 0..ENGINES {
            let engine = &self.engines[at];
            let named = self.owner.contains(&Some(index(at)))
                || self.takeover.is_some_and(|takeover| usize::from(takeover.by) == at || has(takeover.found, at))
                || self.engines.iter().any(|other| {
                    [other.gift, other.message.and_then(|it| it.gift), other.ghost.and_then(|it| it.gift)]
                        .iter()
                        .flatten()
                        .any(|gift| usize::from(gift.to) == at)
                });
            if engine.phase == Phase::Gone && engine.row.is_none() && engine.ghost.is_none() && engine.handing.is_none() && !named
            {
                self.engines[at] = Engine::default();
            }
        }
    }
}

impl Engine {
    /// What is the same whatever engines and ranges are called.
    fn nameless(&self) -> impl Ord + use<> {
        let talk = match self.talk {
            Talk::Nothing => 0,
            Talk::Asked { old: false } => 1,
            Talk::Asked { old: true } => 2,
            Talk::Renewed { .. } => 3,
            Talk::TakesOver => 4,
            Talk::TookOver { .. } => 5,
        };
        let places = [self.message, self.ghost].map(|message| message.map(|message| message.place));
        let parts = self
            .parts
            .iter()
            .map(|part| u32::from(part.own) * 64 + u32::from(part.length) * 8 + u32::from(part.durable))
            .sum::<u32>();
        (
            self.phase,
            self.row,
            (self.ripe, self.holds, talk, self.deaf),
            places,
            parts,
            self.gift.is_some(),
            self.handing.is_some(),
        )
    }

    /// The newest epoch and batch that it knows are these, from here on.
    pub fn count_from(&mut self, epoch: i8, batch: i8) {
        if let Some(row) = &mut self.row {
            row.epoch -= epoch;
            row.batch -= batch;
        }
        for message in [&mut self.message, &mut self.ghost].into_iter().flatten() {
            message.epoch = (message.epoch - epoch).max(-2);
            message.number = (message.number - batch).max(-2);
        }
    }

    /// It is being given, as far as the engine knows.
    pub fn gives(&self, range: usize) -> bool {
        let gifts = [self.gift, self.message.and_then(|message| message.gift)];
        gifts.iter().flatten().any(|gift| usize::from(gift.range) == range)
    }

    /// Nothing of the process is left; what it has sent may still arrive.
    pub fn end(&mut self) {
        let under_way = self.message.filter(|message| matches!(message.place, Place::InTheNetwork | Place::Open));
        // Two are under way when a lost one was never settled; the older one is lost for good then.
        let ghost = under_way.or(self.ghost).map(|message| Message { in_doubt: false, ..message });
        *self = Engine {
            phase: Phase::Gone,
            row: self.row,
            ripe: self.ripe,
            late_reopening: self.late_reopening,
            ghost,
            ..Engine::default()
        };
    }
}

pub(crate) const ORDERS: [[u8; ENGINES]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

fn pick<T: Copy>(values: [T; RANGES], order: [u8; RANGES]) -> [T; RANGES] {
    order.map(|at| values[usize::from(at)])
}

pub fn has(bits: u8, at: usize) -> bool {
    bits >> at & 1 == 1
}

pub fn bits(set: impl Iterator<Item = bool>) -> u8 {
    set.enumerate().fold(0, |bits, (at, set)| bits | u8::from(set) << at)
}

pub fn index(at: usize) -> u8 {
    u8::try_from(at).expect("there are few")
}
