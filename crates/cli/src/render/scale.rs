//! Time to columns, with idle stretches folded: as on the page (`ui/src/timeline/scale.ts`), for characters.

/// From one moment to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub to: i64,
}

/// Columns of a fold.
pub const BREAK_COLUMNS: usize = 3;
/// An idle stretch is folded when it is longer than this, and than a fifth of all busy time.
const IDLE_MS_MIN: i64 = 2_000;
/// However many folds there are, this share of the width is left for what happened: 2 of 5.
const FOLDS_SHARE_MAX: (usize, usize) = (3, 5);

#[derive(Debug)]
pub struct Scale {
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone, Copy)]
pub struct Segment {
    pub span: Span,
    pub is_fold: bool,
    pub x0: f64,
    pub x1: f64,
}

/// The union of spans, in order.
pub fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| span.to >= span.from);
    spans.sort_unstable_by_key(|span| (span.from, span.to));
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => joined.push(span),
        }
    }
    joined
}

fn total(spans: &[Span]) -> i64 {
    spans.iter().map(|span| span.to - span.from).sum()
}

/// What lies between the busy spans, within `whole`, and is long enough to be folded.
fn idle(whole: Span, busy: &[Span]) -> Vec<Span> {
    let least = IDLE_MS_MIN.max(total(busy) / 5);
    let (mut idle, mut from) = (Vec::new(), whole.from);
    for span in busy.iter().copied().chain([Span { from: whole.to, to: whole.to }]) {
        let to = span.from.min(whole.to);
        if to - from > least {
            idle.push(Span { from, to });
        }
        from = from.max(span.to);
    }
    idle
}

impl Scale {
    /// `busy` is a union.
    pub fn new(whole: Span, busy: &[Span], width: usize) -> Scale {
        let whole = Span { to: whole.to.max(whole.from + 1), ..whole };
        let folds = idle(whole, busy);
        let shown = whole.to - whole.from - total(&folds);
        let wanted = BREAK_COLUMNS * folds.len();
        let room = if shown > 0 { wanted.min(width * FOLDS_SHARE_MAX.0 / FOLDS_SHARE_MAX.1) } else { width };
        let fold_width = if folds.is_empty() { 0.0 } else { room as f64 / folds.len() as f64 };
        let per_ms = if shown > 0 { (width - if folds.is_empty() { 0 } else { room }) as f64 / shown as f64 } else { 0.0 };
        let mut scale = Scale { segments: Vec::new() };
        let mut from = whole.from;
        for fold in folds {
            scale.add(Span { from, to: fold.from }, false, (fold.from - from) as f64 * per_ms);
            scale.add(fold, true, fold_width);
            from = fold.to;
        }
        scale.add(Span { from, to: whole.to }, false, (whole.to - from) as f64 * per_ms);
        scale
    }

    fn add(&mut self, span: Span, is_fold: bool, length: f64) {
        if span.to > span.from {
            let x0 = self.segments.last().map_or(0.0, |last| last.x1);
            self.segments.push(Segment { span, is_fold, x0, x1: x0 + length });
        }
    }

    /// What lies outside is held at the ends.
    pub fn x(&self, at: i64) -> f64 {
        let Some(segment) = self.segments.iter().find(|segment| at <= segment.span.to).or(self.segments.last()) else {
            return 0.0;
        };
        let length = (segment.span.to - segment.span.from) as f64;
        let part = ((at - segment.span.from) as f64 / length).clamp(0.0, 1.0);
        segment.x0 + part * (segment.x1 - segment.x0)
    }

    /// Round moments at least `gap` columns apart, none in a fold, counted from `origin`.
    pub fn ticks(&self, origin: i64, gap: usize) -> Vec<i64> {
        const SECOND: i64 = 1_000;
        const MINUTE: i64 = 60 * SECOND;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        const STEPS: [i64; 32] = [
            1,
            2,
            5,
            10,
            20,
            50,
            100,
            200,
            500,
            SECOND,
            2 * SECOND,
            5 * SECOND,
            10 * SECOND,
            15 * SECOND,
            30 * SECOND,
            MINUTE,
            2 * MINUTE,
            5 * MINUTE,
            10 * MINUTE,
            15 * MINUTE,
            30 * MINUTE,
            HOUR,
            2 * HOUR,
            3 * HOUR,
            6 * HOUR,
            12 * HOUR,
            DAY,
            2 * DAY,
            7 * DAY,
            28 * DAY,
            91 * DAY,
            365 * DAY,
        ];
        let of_time = || self.segments.iter().filter(|segment| !segment.is_fold);
        let per_ms = of_time().map(|segment| (segment.x1 - segment.x0) / (segment.span.to - segment.span.from) as f64);
        let per_ms = per_ms.fold(0.0, f64::max);
        let step = STEPS.into_iter().find(|step| *step as f64 * per_ms >= gap as f64).unwrap_or(365 * DAY);
        let mut ticks: Vec<i64> = Vec::new();
        let mut last = f64::NEG_INFINITY;
        for segment in of_time() {
            let first = (segment.span.from - origin).div_euclid(step) * step + origin;
            let mut at = if first < segment.span.from { first + step } else { first };
            while at <= segment.span.to {
                let x = self.x(at);
                if x - last >= gap as f64 * 0.9 {
                    ticks.push(at);
                    last = x;
                }
                at += step;
            }
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_days_of_nothing_take_three_columns() {
        let day = 86_400_000;
        let busy = [Span { from: 0, to: 1_000 }, Span { from: 3 * day, to: 3 * day + 1_000 }];
        let scale = Scale::new(Span { from: 0, to: 3 * day + 1_000 }, &busy, 43);
        assert_eq!(scale.segments.iter().map(|segment| segment.is_fold).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!((scale.x(0), scale.x(1_000), scale.x(3 * day), scale.x(3 * day + 1_000)), (0.0, 20.0, 23.0, 43.0));
        assert_eq!(scale.ticks(0, 10), [0, 500, 1_000, 3 * day + 500, 3 * day + 1_000]);
    }

    proptest! {
        #[test]
        fn time_never_runs_backwards_and_stays_within(
            lengths in proptest::collection::vec((0..100_000_i64, 0..10_000_i64), 1..20), width in 10..200_usize, at in 0..2_000_000_i64
        ) {
            let (mut from, mut busy) = (0, Vec::new());
            for (idle, length) in lengths {
                busy.push(Span { from: from + idle, to: from + idle + length });
                from += idle + length;
            }
            let scale = Scale::new(Span { from: 0, to: from }, &union(busy), width);
            let x = scale.x(at);
            prop_assert!((0.0..=width as f64 + 0.001).contains(&x), "{x}");
            prop_assert!(scale.x(at + 1) >= x);
            for pair in scale.ticks(0, 9).windows(2) {
                prop_assert!(scale.x(pair[1]) - scale.x(pair[0]) >= 8.0);
            }
        }
    }
}
