//! Paths to what is taken out of a request: `a`, `a.b`, `a[0].b`, `a[*].b`, as LiteLLM writes them.

use serde_json::Value;

/// A parameter, or a member somewhere inside of one.
#[derive(Debug)]
pub struct Path<'a> {
    /// The parameter.
    pub root: &'a str,
    steps: Vec<Step<'a>>,
}

#[derive(Debug, PartialEq)]
enum Step<'a> {
    Member(&'a str),
    Index(usize),
    Each,
    /// What can't be read leads nowhere.
    Nowhere,
}

impl<'a> Path<'a> {
    pub fn new(text: &'a str) -> Self {
        let end = text.find(['.', '[']).unwrap_or(text.len());
        let (root, mut rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, left) = next_step(rest);
            steps.push(step);
            rest = left;
        }
        Self { root, steps }
    }

    /// Whether it is the parameter itself.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Takes what it leads to out of the parameter's value; whether there was anything.
    pub fn remove(&self, value: &mut Value) -> bool {
        remove(value, &self.steps)
    }
}

fn next_step(rest: &str) -> (Step<'_>, &str) {
    if let Some(inside) = rest.strip_prefix('[') {
        let Some((index, left)) = inside.split_once(']') else { return (Step::Nowhere, "") };
        let step = if index == "*" { Step::Each } else { index.parse().map_or(Step::Nowhere, Step::Index) };
        return (step, left);
    }
    let name = rest.strip_prefix('.').unwrap_or(rest);
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (name, left) = name.split_at_checked(end).unwrap_or((name, ""));
    (if name.is_empty() { Step::Nowhere } else { Step::Member(name) }, left)
}

/// Elements of a list are never taken out, only what is inside of them: the others would change their places.
fn remove(value: &mut Value, steps: &[Step<'_>]) -> bool {
    let Some((step, rest)) = steps.split_first() else { return false };
    match (step, value) {
        (Step::Member(name), Value::Object(map)) if rest.is_empty() => map.shift_remove(*name).is_some(),
        (Step::Member(name), Value::Object(map)) => map.get_mut(*name).is_some_and(|inner| remove(inner, rest)),
        (Step::Index(index), Value::Array(list)) => list.get_mut(*index).is_some_and(|inner| remove(inner, rest)),
        (Step::Each, Value::Array(list)) => {
            // All of them, not up to the first.
            list.iter_mut().filter_map(|inner| remove(inner, rest).then_some(())).count() > 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn removed(path: &str, value: Value) -> (bool, Value) {
        let mut value = value;
        let any = Path::new(path).remove(&mut value);
        (any, value)
    }

    #[test]
    fn members_are_taken_out_at_any_depth() {
        assert_eq!(removed("a.b", json!({"b": 1, "c": 2})), (true, json!({"c": 2})));
        assert_eq!(removed("a.b.c", json!({"b": {"c": 1}})), (true, json!({"b": {}})));
        let tools = json!([{"x": 1, "k": 1}, {"k": 2}, {"x": 3}]);
        assert_eq!(removed("a[*].x", tools.clone()), (true, json!([{"k": 1}, {"k": 2}, {}])));
        assert_eq!(removed("a[2].x", tools), (true, json!([{"x": 1, "k": 1}, {"k": 2}, {}])));
        let deep = json!([{"l": [{"x": 1}, {"x": 2}]}]);
        assert_eq!(removed("a[*].l[1].x", deep), (true, json!([{"l": [{"x": 1}, {}]}])));
        assert_eq!(removed("a[*][0].x", json!([[{"x": 1}]])), (true, json!([[{}]])));
    }

    #[test]
    fn what_leads_nowhere_takes_nothing() {
        let value = json!([{"x": 1}]);
        for path in ["a", "a[*]", "a[0]", "a[7].x", "a.x", "a[-1].x", "a[0", "a[0]..x", "a[y].x", "", ".", "[0]"] {
            assert_eq!(removed(path, value.clone()), (false, value.clone()), "{path}");
        }
        assert!(Path::new("a").is_root() && !Path::new("a.b").is_root());
        assert_eq!(Path::new("a[*].b").root, "a");
    }
}
