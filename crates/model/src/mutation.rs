//! Mistakes made on purpose.

use std::fmt;

macro_rules! mutations {
    ($($(#[$doc:meta])* $name:ident = $words:literal,)*) => {
        /// A rule of the protocol that is broken, to see what it is for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutation { $($(#[$doc])* $name,)* }

        impl Mutation {
            /// All that there are.
            pub const ALL: &'static [Mutation] = &[$(Mutation::$name,)*];
        }

        impl fmt::Display for Mutation {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Mutation::$name => $words,)* })
            }
        }
    };
}

mutations! {
    /// A commit writes the number of its batch and does not look whether there was a row.
    NoFence = "no fence",
    /// A commit compares the number of its batch alone.
    FenceWithoutEpoch = "the fence does not compare the epoch",
    /// Reopening waits for the row's lock and leaves the epoch as it is.
    EpochNotRaised = "reopening does not raise the epoch",
    /// What a lost answer leaves in doubt is settled by a plain SELECT.
    BatchNumberAlone = "the batch number alone settles a lost answer",
    /// An engine with a commit in doubt goes on as if it had come to nothing.
    NotReopened = "a lost answer is taken for a refusal",
    /// An engine of which a commit is refused closes, and does not look whether it has its place.
    RefusalIsLoss = "a refused commit is taken for the loss of the place",
    /// The ranges of a lapsed engine change hands, its row stays.
    RowStays = "takeover moves ranges and leaves the row",
    /// Rows are deleted by the list of ids that was read first.
    RenewedLeaseIgnored = "takeover ignores a renewed lease",
    /// Nobody looks for ranges of engines that are not there.
    OrphansIgnored = "takeover looks for lapsed engines only",
    /// A range is given while an attempt of it is on its way or with a worker.
    AttemptsNotAwaited = "a range is given while its attempts are in flight",
    /// A range is given while events of it are decided and not durable.
    DurabilityNotAwaited = "a range is given before what was decided is durable",
    /// The commit does not look whether the one it gives to is there.
    ReceiverNotLookedFor = "a range is given to whom it may be",
    /// A range that is being given is decided about until it is known to be given.
    DecidesInDoubt = "decides about a range while the giving is in doubt",
    /// A beat that was asked before a give-commit is applied after it.
    BeatOutsideMutex = "a beat and a give-commit overlap",
    /// What a takeover has taken is applied when the news arrives, whatever happened since.
    TakeoverOutsideMutex = "a takeover's answer and a give-commit overlap",
    /// A notification that a range was given is believed, instead of bringing the next beat forward.
    NotificationBelieved = "a notification is believed",
    /// What an engine knew of a range before it gave it away is what it knows when it has it again.
    Remembered = "a range that comes back is not read again",
    /// An attempt is handed out without a look at the lease.
    LeaseNotAsked = "attempts are handed out without asking for the lease",
    /// The lease is counted from the moment in which the answer arrives.
    LeaseFromAnswer = "the lease is counted from the answer",
    /// An attempt is handed out as soon as it is decided.
    HandedOutEarly = "attempts are handed out before they are durable",
    /// The lease is let go while an attempt is between its question and the socket.
    StopsTooEarly = "an orderly stop does not wait for what is being handed out",
}
