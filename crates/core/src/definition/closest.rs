//! The name that someone probably meant.

/// The candidate nearest to `name`, when it is near enough to be a slip of the finger or another way of writing it.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(name);
    let reach = (wanted.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| !candidate.is_empty())
        .map(|candidate| (distance(&wanted, &folded(candidate), reach), candidate))
        .filter(|&(distance, candidate)| distance <= reach && distance < candidate.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean `validate`?`
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// `depends_on`, `dependsOn` and `depends-on` are the same to a person. Nobody mistypes a name longer than this.
fn folded(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).take(128).collect()
}

/// How many characters have to be put in, taken out, replaced or swapped with their neighbour (optimal string alignment);
/// anything above `reach` may be given as more than it. Only what is within reach is looked at: a hostile definition asks this of
/// a thousand long names and a thousand candidates each.
fn distance(a: &[char], b: &[char], reach: usize) -> usize {
    let beyond = reach + 1;
    if a.len().abs_diff(b.len()) > reach {
        return beyond;
    }
    let mut before_last = vec![beyond; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).map(|j| j.min(beyond)).collect();
    let mut row = vec![beyond; b.len() + 1];
    let mut nearest_of_last = 0;
    for i in 1..=a.len() {
        let (first, end) = (i.saturating_sub(reach).max(1), (i + reach).min(b.len()));
        // What is beside the cells within reach may be left of an earlier row.
        row[first - 1] = if first == 1 { i.min(beyond) } else { beyond };
        if let Some(after) = row.get_mut(end + 1) {
            *after = beyond;
        }
        let mut nearest = row[first - 1];
        for j in first..=end {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
            nearest = nearest.min(row[j]);
        }
        // A swap reaches back over one row.
        if nearest > reach && nearest_of_last > reach {
            return beyond;
        }
        nearest_of_last = nearest;
        std::mem::swap(&mut before_last, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_seen_through() {
        let steps = ["validate", "reserve", "charge", "fulfill", "notify"];
        for (typed, meant) in [
            ("validat", Some("validate")),
            ("vaildate", Some("validate")),
            ("Charge", Some("charge")),
            ("fullfil", Some("fulfill")),
            ("notfy", Some("notify")),
            ("refund", None),
            ("x", None),
        ] {
            assert_eq!(closest(typed, steps), meant, "{typed}");
        }
        assert_eq!(closest("depends_on", ["dependents", "dependsOn"]), Some("dependsOn"));
    }

    /// The whole table, as it is in the books.
    fn whole_distance(a: &[char], b: &[char]) -> usize {
        let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                rows[i][j] = match (i, j) {
                    (0, edge) | (edge, 0) => edge,
                    _ => {
                        let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                        let best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                        let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                        if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
                    }
                };
            }
        }
        rows[a.len()][b.len()]
    }

    #[test]
    fn what_is_within_reach_is_what_the_whole_table_gives() {
        let words: Vec<Vec<char>> =
            ["", "a", "ab", "ba", "abc", "acb", "bca", "abcd", "abdc", "badc", "aabbcc", "bbaacc", "abab", "cabab"]
                .iter()
                .map(|word| word.chars().collect())
                .collect();
        for a in &words {
            for b in &words {
                for reach in 1..=3 {
                    let (whole, near) = (whole_distance(a, b), distance(a, b, reach));
                    assert!(if whole <= reach { near == whole } else { near > reach }, "{a:?} {b:?} {reach}: {near}, {whole}");
                }
            }
        }
    }

    #[test]
    fn short_names_are_not_guessed() {
        assert_eq!(closest("b", ["a"]), None);
        assert_eq!(closest("ab", ["a"]), None);
        assert_eq!(closest("", ["a"]), None);
    }
}
