//! The known keys that a misspelt one may mean.

/// Keys longer than this are no misspelling of a known one; it also bounds the work.
const LONGEST: usize = 96;

/// Every name at the least distance from a word that is none of them; empty if that is more than `limit` edits.
pub fn nearest<I>(word: &str, names: I, limit: usize) -> Vec<&'static str>
where
    I: Iterator<Item = &'static str> + Clone,
{
    let letters: Vec<char> = word.chars().take(LONGEST + 1).collect();
    if letters.len() > LONGEST {
        return Vec::new();
    }
    // Most misspellings are one edit away, and the smaller the limit, the sooner a name is ruled out.
    let at = |distance| -> Vec<_> {
        let near = names.clone().filter(|name| name.len().abs_diff(letters.len()) <= distance);
        near.filter(|name| within(name, &letters, distance)).collect()
    };
    (1..=limit).map(at).find(|names| !names.is_empty()).unwrap_or_default()
}

/// `did you mean a or b?`; nothing without names.
pub fn hint(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!("did you mean {}?", names.join(" or ")) }
}

/// How far a word may lie from a name and still be called a misspelling of it.
pub fn reach(word: &str) -> usize {
    (word.chars().count() / 3).max(2)
}

/// Whether the Damerau–Levenshtein distance is at most `limit`: substitutions, insertions, deletions, and swaps of
/// neighbours.
fn within(a: &str, b: &[char], limit: usize) -> bool {
    let same = a.chars().zip(b).take_while(|(a, b)| a == *b).count();
    let (a, b) = (a.chars().skip(same), b.get(same..).unwrap_or_default());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (i, ca) in a.enumerate() {
        let mut row = Vec::with_capacity(last.len());
        let mut left = i + 1;
        row.push(left);
        for (j, &cb) in b.iter().enumerate() {
            let (Some(&diagonal), Some(&up)) = (last.get(j), last.get(j + 1)) else { break };
            let mut cell = (diagonal + usize::from(ca != cb)).min(up + 1).min(left + 1);
            if let Some(at) = j.checked_sub(1)
                && last_a == Some(cb)
                && b.get(at) == Some(&ca)
                && let Some(&swapped) = before.get(at)
            {
                cell = cell.min(swapped + 1);
            }
            row.push(cell);
            left = cell;
        }
        // Distances never shrink from two rows to the next, and nearly all pairs of words are far apart.
        if row.iter().chain(&last).all(|&cell| cell > limit) {
            return false;
        }
        last_a = Some(ca);
        before = std::mem::replace(&mut last, row);
    }
    last.last().is_some_and(|&distance| distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, distance) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("retries", "retires", 1),
            ("timeout", "timeot", 1),
            ("timeout", "tiemouts", 2),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("größe", "grösse", 2),
        ] {
            let b: Vec<char> = b.chars().collect();
            for limit in 0..5 {
                assert_eq!(within(a, &b, limit), limit >= distance, "{a} {b:?} {limit}");
            }
        }
    }

    #[test]
    fn all_names_at_the_least_distance() {
        let near = |word| nearest(word, ["tpm", "rpm", "itpm"].into_iter(), 2);
        assert_eq!(hint(&near("ppm")), "did you mean tpm or rpm?");
        assert_eq!(near("ittpm"), ["itpm"]);
        assert_eq!(hint(&near("weight")), "");
    }
}
