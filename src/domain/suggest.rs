//! "Did you mean …?": the known word that is closest to what was typed.
//!
//! Close means few insertions, deletions, replacements and swapped neighbours; it knows nothing of keyboards or meaning.

/// Longest word compared; whatever is longer was not meant to be one of ours.
const LENGTH_MAX: usize = 64;

/// The closest of `known`, if it is close enough to be meant: at most a third of the longer word differs.
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = normal(typed);
    let candidates = known.into_iter().map(|word| {
        let other = normal(word);
        (distance(&typed, &other), typed.len().max(other.len()), word)
    });
    let close = candidates.filter(|(distance, length, _)| distance * 3 <= *length);
    close.min_by_key(|(distance, ..)| *distance).map(|(_, _, word)| word)
}

/// Case and the choice between `-` and `_` are never what somebody meant to say.
fn normal(word: &str) -> Vec<char> {
    word.chars().take(LENGTH_MAX).flat_map(char::to_lowercase).map(|character| if character == '-' { '_' } else { character }).collect()
}

fn distance(left: &[char], right: &[char]) -> usize {
    let mut before_last = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            let mut least = replaced.min(row[j] + 1).min(last[j + 1] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["threshold", "duration", "on_blind", "action"];
        assert_eq!(closest("treshold", known), Some("threshold"));
        assert_eq!(closest("on-blind", known), Some("on_blind"));
        assert_eq!(closest("gek", ["run", "gke"]), Some("gke"));
        assert_eq!(closest("Duration", known), Some("duration"));
        assert_eq!(closest("kubeconfig", known), None);
        assert_eq!(closest("", known), None);
    }
}
