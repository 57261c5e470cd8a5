//! What may happen next, and what must never.
//!
//! Each step is what one process or PostgreSQL does at once; between two of them anything else may happen, for any time. So an engine
//! that stands still, and a message that lies in the network, need no step of their own. Statements of a transaction are steps of their
//! own where another transaction could tell.

mod commit;
mod decide;
mod lease;
mod takeover;

use std::fmt;

use crate::mutation::Mutation;
use crate::state::{ENGINES, Engine, Phase, RANGES, State, bits};

/// What is looked at, and how far.
#[derive(Debug, Clone)]
pub struct Model {
    /// Broken rules.
    pub mutations: Vec<Mutation>,
    pub faults: u8,
    pub gifts: u8,
    /// How many events an execution has: the first begins its attempt, the second is the attempt's result, and so on in turn; one that
    /// is left over needs no attempt.
    pub events: u8,
    /// The key of the table of histories refuses a second event with the same number. The protocol must not need it.
    pub history_has_key: bool,
    /// Instead of beats and gifts that exclude each other: beats go on, and what one says of ranges does not count when a gift was not
    /// settled all the time between its question and its answer.
    pub beats_while_giving: bool,
    /// A takeover leaves the row of who runs it alone, lapsed or not.
    pub takeover_spares_itself: bool,
    /// Nothing is forgotten that could not matter any more: many more states, and the same to be found in them.
    pub forgets_nothing: bool,
}

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// A commit adds events that were decided from another history than the one they are added to.
    Fork,
    /// Events that are called durable are not there.
    Lost,
    /// An attempt is handed out that has a result, or that was never begun, by an engine that has not stood still since it asked for its
    /// lease.
    HandedOut,
    /// An engine that has its row closes as if it had lost it.
    ClosedInError,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::Fork => "a history forks",
            Violation::Lost => "what was acknowledged is not there",
            Violation::HandedOut => "an attempt that has a result is handed out",
            Violation::ClosedInError => "an engine closes that has its place",
        })
    }
}

/// Why something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What a program does by itself sooner or later.
    Progress,
    /// What somebody may decide to do, or never.
    Choice,
    /// What the world does.
    Fault,
}

#[derive(Debug, Clone)]
pub struct Next {
    pub step: Step,
    pub kind: Kind,
    pub to: Result<State, Violation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub what: What,
    pub who: usize,
    pub with: Option<With>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    Range(usize),
    Engine(usize),
    RangeAndEngine(usize, usize),
}

macro_rules! steps {
    ($($name:ident = $words:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum What { $($name,)* }

        impl What {
            pub const ALL: &'static [What] = &[$(What::$name,)*];

            fn words(self) -> &'static str {
                match self { $(What::$name => $words,)* }
            }
        }
    };
}

steps! {
    JoinBegins = "begins to join",
    TakeoverBegins = "begins a takeover",
    TakeoverDeletes = "deletes, in its takeover, the row of",
    TakeoverSpares = "spares, in its takeover, the renewed row of",
    TakeoverMoves = "moves ranges in its takeover",
    TakeoverCommits = "commits its takeover",
    TakeoverRollsBack = "has its takeover rolled back",
    TakeoverAnswerDelayed = "commits its takeover, and the answer lies in the network",
    TakeoverHeard = "hears the delayed answer to its takeover",
    TakeoverUnheard = "never hears the answer to its takeover",
    Beats = "beats",
    BeatDelayed = "sends a beat, which lies in the network",
    BeatGrowsOld = "waits for its beat as long as a lease lasts",
    BeatArrives = "has its delayed beat arrive, and hears of it",
    BeatLost = "loses its delayed beat",
    BeatAnswerDelayed = "beats, and the answer lies in the network",
    BeatHeard = "hears the delayed answer to its beat",
    BeatUnheard = "never hears the answer to its beat",
    LeaseRipens = "has not renewed its lease for as long as it lasts",
    LeaseForgotten = "no longer believes in its lease",
    LeaseLapses = "has a lapsed lease in the database",
    LapsesWhileHanding = "stands still between question and socket until its lease has lapsed",
    Decides = "decides about",
    DecidesToGive = "decides to give",
    NoteRead = "reads the notification of",
    AsksLease = "asks for its lease, to hand out the attempt of",
    HandsOut = "hands out the attempt of",
    HandsOutLate = "hands out, having stood still, an attempt that has a result, of",
    Sends = "sends its commit",
    PassesFence = "has its commit pass the fence",
    IsRefused = "has its commit refused",
    GiftRefused = "has its commit refused since nobody is there to take",
    Commits = "has its commit committed",
    LateCommitPasses = "has a commit pass the fence that it had given up",
    LateCommitCommits = "has a commit committed that it had given up",
    Hears = "hears that its commit is committed",
    AnswerLost = "loses the answer to its commit",
    ReopensDone = "reopens, and learns that the commit took place",
    ReopensUndone = "reopens, and learns that the commit came to nothing",
    ReopeningLost = "gives up a reopening, which may still arrive",
    LateReopening = "has a reopening arrive that it had given up",
    Closes = "learns that it has lost its place",
    ConnectionCut = "has the connection of its commit cut, which rolls back",
    Crashes = "crashes",
    Stops = "stops in good order",
    DatabaseRestarts = "sees the database restart",
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [char; ENGINES] = ['A', 'B', 'C'];
        write!(f, "{} {}", NAMES[self.who], self.what.words())?;
        match self.with {
            None => Ok(()),
            Some(With::Range(range)) => write!(f, " range {range}"),
            Some(With::Engine(engine)) => write!(f, " {}", NAMES[engine]),
            Some(With::RangeAndEngine(range, engine)) => write!(f, " range {range} to {}", NAMES[engine]),
        }
    }
}

/// Collects what may happen next.
pub(crate) struct Steps<'m> {
    model: &'m Model,
    from: &'m State,
    all: Vec<Next>,
}

impl Steps<'_> {
    fn add(&mut self, kind: Kind, what: What, who: usize, with: Option<With>, to: Result<State, Violation>) {
        let has =
            |mutations: &[Mutation]| self.model.forgets_nothing || mutations.iter().any(|mutation| self.model.has(*mutation));
        let keeps_refused = has(&[Mutation::NoFence, Mutation::FenceWithoutEpoch]);
        let keeps_fenced = has(&[Mutation::NoFence, Mutation::LeaseNotAsked, Mutation::LeaseFromAnswer]);
        let to = to.map(|mut to| {
            to.tidy(keeps_refused, keeps_fenced);
            to
        });
        if to.as_ref().is_ok_and(|to| to == self.from) {
            return;
        }
        self.all.push(Next { step: Step { what, who, with }, kind, to });
    }

    fn progress(&mut self, what: What, who: usize, to: State) {
        self.add(Kind::Progress, what, who, None, Ok(to));
    }

    fn progress_with(&mut self, what: What, who: usize, with: With, to: State) {
        self.add(Kind::Progress, what, who, Some(with), Ok(to));
    }

    fn choice(&mut self, what: What, who: usize, with: Option<With>, to: State) {
        self.add(Kind::Choice, what, who, with, Ok(to));
    }

    /// Unless all faults that are allowed have happened.
    fn fault(&mut self, what: What, who: usize, to: State) {
        if let Some(faults) = to.faults.checked_sub(1) {
            self.add(Kind::Fault, what, who, None, Ok(State { faults, ..to }));
        }
    }
}

impl Model {
    /// The protocol as it is meant, so far.
    pub fn within(faults: u8, gifts: u8, events: u8) -> Model {
        Model {
            mutations: Vec::new(),
            faults,
            gifts,
            events,
            history_has_key: false,
            beats_while_giving: false,
            takeover_spares_itself: false,
            forgets_nothing: false,
        }
    }

    pub fn first(&self) -> State {
        State::first(self.faults, self.gifts)
    }

    pub fn has(&self, mutation: Mutation) -> bool {
        self.mutations.contains(&mutation)
    }

    /// All that may happen next.
    pub fn next(&self, state: &State) -> Vec<Next> {
        let mut steps = Steps { model: self, from: state, all: Vec::new() };
        for at in 0..ENGINES {
            self.lease(state, at, &mut steps);
            self.takeover(state, at, &mut steps);
            self.decide(state, at, &mut steps);
            self.commit(state, at, &mut steps);
            if state.can_do_without(at) {
                let mut to = *state;
                to.engines[at].end();
                steps.fault(What::Crashes, at, to);
            }
        }
        Model::restart(state, &mut steps);
        steps.all
    }

    /// All that should have happened has: executions have ended, and ranges are owned by engines that live.
    pub fn is_well(&self, state: &State) -> bool {
        let live = state.rows(|row| !row.lapsed) & bits(state.engines.iter().map(Engine::is_up));
        state.history == [self.events; RANGES] && state.orphans(live) == 0
    }

    /// Nobody is left who could do anything until somebody joins.
    pub fn is_deserted(state: &State) -> bool {
        !state.engines.iter().any(Engine::lives)
    }

    /// Open transactions roll back, connections break.
    fn restart(state: &State, steps: &mut Steps<'_>) {
        let mut to = *state;
        for engine in &mut to.engines {
            engine.roll_back();
        }
        Model::roll_back_takeover(&mut to);
        if to != *state {
            steps.fault(What::DatabaseRestarts, 0, to);
        }
    }
}

impl State {
    /// It lives, and when it is gone somebody lives or can still come: there is room for so many only.
    fn can_do_without(&self, at: usize) -> bool {
        let other = |other: usize| other != at && self.engines[other].phase != Phase::Gone;
        self.engines[at].lives() && (0..ENGINES).any(other)
    }
}

impl Engine {
    pub fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    pub fn lives(&self) -> bool {
        matches!(self.phase, Phase::Up | Phase::Joining)
    }
}
