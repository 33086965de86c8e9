//! A file that gets a line of JSON for each event.

use std::path::PathBuf;

use crate::config::report::Report;
use crate::config::settings::Settings;

use super::SECTION;

/// The callback `json_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConfig {
    /// As written; a relative one begins at the process's working directory.
    pub path: PathBuf,
}

pub fn read(own: &Settings, report: &mut Report) -> Result<FileConfig, String> {
    let Some(path) = own.text("path") else { return Err(format!("{SECTION}.json_file has no path")) };
    if path.trim().is_empty() || path.contains('\0') {
        report.error(&format!("{SECTION}.json_file.path"), "no path of a file", "");
        return Err("no path of a file".to_owned());
    }
    Ok(FileConfig { path: PathBuf::from(path) })
}
