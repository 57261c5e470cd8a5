//! The name that someone probably meant.

/// The candidate nearest to `name`, when it is near enough to be a slip of the finger or another way of writing it.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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
/// anything above `reach` may be given as more than it.
fn distance(a: &[char], b: &[char], reach: usize) -> usize {
    if a.len().abs_diff(b.len()) > reach {
        return reach + 1;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
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

    #[test]
    fn short_names_are_not_guessed() {
        assert_eq!(closest("b", ["a"]), None);
        assert_eq!(closest("ab", ["a"]), None);
        assert_eq!(closest("", ["a"]), None);
    }
}
