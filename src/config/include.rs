//! A file and the files that it includes, as one tree.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::position::{Positions, join};
use super::report::Report;
use super::warning::ConfigError;
use super::yaml;

/// More files than this are a mistake.
const MAX_FILES: usize = 256;

/// A configuration's text as a tree, with the place of everything in it.
pub struct Source {
    pub tree: Map<String, Value>,
    pub positions: Positions,
}

impl Source {
    /// One text; a text has no folder, so it includes nothing.
    pub fn of_text(text: &str) -> Result<Self, ConfigError> {
        let source = Self::parse(text, None)?;
        if source.tree.contains_key("include") {
            let mut report = Report::new(source.positions);
            report.error("include", "include works for files only", "load the file by its path");
            return Err(report.into_error());
        }
        Ok(source)
    }

    /// A file, and what it includes after it.
    pub fn of_file(path: &Path) -> Result<Self, ConfigError> {
        let mut source = Self::parse(&read(path)?, None)?;
        let mut seen = vec![canonical(path)];
        let mut waiting = source.take_includes(path)?;
        waiting.reverse();
        while let Some(path) = waiting.pop() {
            let known = canonical(&path);
            if seen.contains(&known) {
                continue;
            }
            seen.push(known);
            if seen.len() > MAX_FILES {
                return Err(ConfigError { message: format!("include: more than {MAX_FILES} files") });
            }
            let name = path.display().to_string();
            let located = |error: ConfigError| ConfigError { message: format!("{name}: {}", error.message) };
            let mut other = Self::parse(&read(&path)?, Some(&name)).map_err(located)?;
            let more = other.take_includes(&path)?;
            waiting.extend(more.into_iter().rev());
            source.append(other)?;
        }
        Ok(source)
    }

    fn parse(text: &str, file: Option<&str>) -> Result<Self, ConfigError> {
        let tree = yaml::parse(text)?;
        Ok(Self { tree, positions: Positions::of(text, file) })
    }

    fn take_includes(&mut self, path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let names = match self.tree.shift_remove("include") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(names)) => names,
            Some(one) => vec![one],
        };
        let paths = names.iter().map(|name| Some(folder.join(name.as_str()?))).collect::<Option<_>>();
        let message = || format!("include: expected a list of paths in {}", path.display());
        paths.ok_or_else(|| ConfigError { message: message() })
    }

    /// Lists are joined and maps united; one setting in two files with two values is an error.
    fn append(&mut self, other: Self) -> Result<(), ConfigError> {
        let lengths = lengths(&self.tree);
        let mut conflicts = Vec::new();
        unite(&mut self.tree, other.tree, "", &mut conflicts);
        if let Some(path) = conflicts.first() {
            let other = other.positions.get(path).and_then(|place| place.file.clone()).unwrap_or_default();
            let positions = std::mem::take(&mut self.positions);
            let mut report = Report::new(positions);
            report.error(path, "set twice", format!("{other} has another value"));
            return Err(report.into_error());
        }
        self.positions.include(other.positions, |path| shifted(path, &lengths));
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let error = |e: std::io::Error| ConfigError { message: format!("{}: {e}", path.display()) };
    let mut text = String::new();
    // One byte more than allowed lets the parser tell that it is too much.
    let limit = yaml::MAX_TEXT as u64 + 1;
    fs::File::open(path).map_err(error)?.take(limit).read_to_string(&mut text).map_err(error)?;
    Ok(text)
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn unite(into: &mut Map<String, Value>, from: Map<String, Value>, path: &str, conflicts: &mut Vec<String>) {
    for (name, value) in from {
        let path = join(path, &name);
        match (into.get_mut(&name), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (Some(Value::Object(map)), Value::Object(more)) => unite(map, more, &path, conflicts),
            (Some(old), value) if *old != value => conflicts.push(path),
            (Some(_), _) => {}
            (None, value) => drop(into.insert(name, value)),
        }
    }
}

/// The length of each list, by its path, as far as an included file may add to it.
fn lengths(tree: &Map<String, Value>) -> Vec<(String, usize)> {
    fn collect(map: &Map<String, Value>, path: &str, into: &mut Vec<(String, usize)>) {
        for (name, value) in map {
            let path = join(path, name);
            match value {
                Value::Array(list) => into.push((path, list.len())),
                Value::Object(map) => collect(map, &path, into),
                _ => {}
            }
        }
    }
    let mut lengths = Vec::new();
    collect(tree, "", &mut lengths);
    lengths
}

/// `model_list[1].x` of the included file is `model_list[n + 1].x` of the whole.
fn shifted(path: &str, lengths: &[(String, usize)]) -> String {
    for (list, length) in lengths {
        let inside = path.strip_prefix(list.as_str()).and_then(|rest| rest.strip_prefix('['));
        let Some((index, rest)) = inside.and_then(|inside| inside.split_once(']')) else { continue };
        if let Ok(index) = index.parse::<usize>() {
            return format!("{list}[{}]{rest}", index + length);
        }
    }
    path.to_owned()
}
