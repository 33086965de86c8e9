//! Model names with `*` in them, which stand for many.

/// A name in which each `*` stands for any text. It fits a name from end to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wildcard(String);

impl Wildcard {
    /// `None` for a name without a `*`.
    pub fn new(name: &str) -> Option<Self> {
        name.contains('*').then(|| Self(name.to_owned()))
    }

    /// What each `*` stands for in `name`, the first as long as can be; `None` if the name does not fit.
    pub fn captures<'n>(&self, name: &'n str) -> Option<Vec<&'n str>> {
        let (first, rest) = self.0.split_once('*')?;
        let mut left = name.strip_prefix(first)?;
        let mut captures = Vec::new();
        // From the right, so that what stands further left is as long as can be.
        let mut literals: Vec<&str> = rest.split('*').collect();
        left = left.strip_suffix(literals.pop()?)?;
        while let Some(literal) = literals.pop() {
            let at = left.rfind(literal)?;
            captures.push(left.get(at + literal.len()..)?);
            left = left.get(..at)?;
        }
        captures.push(left);
        captures.reverse();
        Some(captures)
    }

    /// How exactly it says what it means, as LiteLLM measures it: the size of its regular expression, and the signs in
    /// it that are not letters.
    pub fn precision(&self) -> (usize, usize) {
        let sizes = self.0.chars().map(|c| match c {
            '*' => (4, 3),
            '+' | '?' | '\\' | '^' | '$' | '|' | '(' | ')' => (2, 2),
            '.' | '-' | '[' | ']' | '{' | '}' | '&' | '~' | '#' | ' ' => (2, 1),
            _ => (1, 0),
        });
        sizes.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1))
    }

    /// The model name behind this one: what the stars of `model` stand for is put in. A model without stars is itself,
    /// one with fewer than there is to put in is the whole `name`.
    pub fn model_for(&self, model: &str, name: &str) -> Option<String> {
        let captures = self.captures(name)?;
        let stars = model.matches('*').count();
        if stars == 0 {
            return Some(model.to_owned());
        }
        if captures.len() > stars {
            return Some(name.to_owned());
        }
        let mut captures = captures.into_iter();
        let mut filled = String::new();
        for c in model.chars() {
            match c {
                '*' => filled.push_str(captures.next().unwrap_or("*")),
                other => filled.push(other),
            }
        }
        Some(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Wildcard::new(pattern).unwrap().captures(name).is_some()
    }

    #[test]
    fn wildcards_are_anchored_at_both_ends() {
        for (pattern, name, expected) in [
            ("*", "anything", true),
            ("*", "", true),
            ("openai/*", "openai/gpt-4", true),
            ("openai/*", "x/openai/gpt-4", false),
            ("pre/*-suf", "pre/q-suf", true),
            ("pre/*-suf", "pre/q-sufEXTRA", false),
            ("pre/*-suf", "pre/-suf", true),
            ("pre/*-suf", "pre/suf", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
        assert_eq!(Wildcard::new("gpt-4"), None);
        assert_eq!(Wildcard::new("a*b*c").unwrap().captures("a-b-b-c"), Some(vec!["-b-", "-"]));
    }

    #[test]
    fn models_are_filled_in() {
        let model = |pattern: &str, model: &str, name: &str| Wildcard::new(pattern).unwrap().model_for(model, name);
        assert_eq!(model("openai/*", "openai/*", "openai/foo").as_deref(), Some("openai/foo"));
        assert_eq!(model("x/*/y-*", "openai/*-*", "x/1/y-2").as_deref(), Some("openai/1-2"));
        assert_eq!(model("*", "openai/*", "claude-3").as_deref(), Some("openai/claude-3"));
        assert_eq!(model("*", "openai/gpt-4", "claude-3").as_deref(), Some("openai/gpt-4"));
        assert_eq!(model("x/*/*", "openai/*", "x/a/b").as_deref(), Some("x/a/b"));
        assert_eq!(model("x/*", "openai/*-*", "x/a").as_deref(), Some("openai/a-*"));
        assert_eq!(model("x/*", "openai/*", "y/a"), None);
    }

    #[test]
    fn the_longer_pattern_is_the_more_precise() {
        let mut patterns: Vec<_> =
            ["*", "openai/*", "openai/gpt-*", "openai/gpt-4*"].iter().filter_map(|name| Wildcard::new(name)).collect();
        patterns.reverse();
        let precisions: Vec<_> = patterns.iter().map(Wildcard::precision).collect();
        assert!(precisions.windows(2).all(|pair| pair[0] > pair[1]), "{precisions:?}");
    }

    proptest! {
        #[test]
        fn what_is_captured_puts_the_name_together(pattern in "[ab*]{0,6}\\*[ab*]{0,6}", name in "[ab]{0,12}") {
            let wildcard = Wildcard::new(&pattern).unwrap();
            if let Some(captures) = wildcard.captures(&name) {
                let mut captures = captures.into_iter();
                let filled: String = pattern
                    .chars()
                    .map(|c| if c == '*' { captures.next().unwrap().to_owned() } else { c.to_string() })
                    .collect();
                prop_assert_eq!(filled, name);
            }
        }
    }
}
