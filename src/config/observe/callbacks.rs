//! The callbacks that a file names, each once.

use crate::config::report::{Report, shown};
use crate::config::settings::Settings;

use super::names;

/// A callback, with all the lists that name it taken together.
pub struct Named {
    pub name: String,
    pub on_success: bool,
    pub on_failure: bool,
    /// Where it was named first, such as `litellm_settings.success_callback[1]`.
    pub path: String,
}

impl Named {
    /// Its name, fit for a message.
    pub fn shown(&self) -> String {
        shown(&self.name)
    }
}

/// All of `success_callback`, `failure_callback` and `callbacks`, in file order.
pub fn named(litellm: &Settings, report: &mut Report) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    for (list, value) in litellm.iter() {
        let (on_success, on_failure) = match list {
            "callbacks" => (true, true),
            "success_callback" => (true, false),
            "failure_callback" => (false, true),
            // These call nobody, which the check has said; but a misspelt name is worth a word.
            "input_callback" | "service_callback" | "service_callbacks" => (false, false),
            _ => continue,
        };
        let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
        for (index, entry) in entries.iter().enumerate() {
            let Some(name) = entry.as_str() else { continue };
            let path = place(list, index, report);
            if !on_success && !on_failure {
                names::check_idle(name, &path, report);
                continue;
            }
            match all.iter_mut().find(|callback| callback.name == name) {
                Some(callback) => {
                    callback.on_success |= on_success;
                    callback.on_failure |= on_failure;
                }
                None => all.push(Named { name: name.to_owned(), on_success, on_failure, path }),
            }
        }
    }
    all
}

/// A text alone stands for a list of one, and has no index in the file.
fn place(list: &str, index: usize, report: &Report) -> String {
    let path = format!("litellm_settings.{list}");
    let entry = format!("{path}[{index}]");
    if report.knows(&entry) { entry } else { path }
}
