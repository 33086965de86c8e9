//! The files that a run makes: the requests, the router's configurations, the compiled libcurl client.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::Result;

/// Bytes of the request and of the provider's answer.
pub const SIZE: usize = 1024;
/// The group is named as its deployments' model, so that routed and bare requests carry the same bytes.
const MODEL: &str = "bench";
/// How most contenders are configured: deployments, and the router's settings.
pub const USUAL: (usize, &str) = (3, "routing_strategy: simple-shuffle");

#[derive(Debug)]
pub struct Fixtures {
    /// `target/bench`, where everything lies.
    pub folder: PathBuf,
    pub library: PathBuf,
    pub request: PathBuf,
    /// The same request, answered by the router itself.
    pub mock: PathBuf,
}

impl Fixtures {
    pub fn write() -> Result<Self> {
        let root = root()?;
        let variable = |name, default: &str| std::env::var_os(name).map_or_else(|| root.join(default), PathBuf::from);
        let folder = variable("CARGO_TARGET_DIR", "target").join("bench");
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Self {
            library: variable("LLMROUTER_LIB", "dist/lib/libllmrouter.so"),
            request: write(&folder, "request.json", &request(false))?,
            mock: write(&folder, "mock.json", &request(true))?,
            folder,
        })
    }

    /// The router's configuration: deployments, all of this base, and how one of them is chosen.
    pub fn config(&self, name: &str, base: &str, (deployments, settings): (usize, &str)) -> Result<PathBuf> {
        write(&self.folder, name, &config(base, deployments, settings))
    }

    /// The same with further sections.
    pub fn config_with(
        &self,
        name: &str,
        base: &str,
        (deployments, settings): (usize, &str),
        more: &str,
    ) -> Result<PathBuf> {
        write(&self.folder, name, &(config(base, deployments, settings) + more))
    }

    /// Compiles the libcurl client; fails where libcurl's headers are not installed.
    pub fn curl_client(&self) -> Result<PathBuf> {
        let source = folder().join("curl.c");
        let program = self.folder.join("curl-client");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let status = Command::new(compiler)
            .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-o"])
            .args([&program, &source])
            .arg("-lcurl")
            .status()?;
        if status.success() { Ok(program) } else { Err("benches/curl.c does not compile here".into()) }
    }
}

/// This crate's folder: cargo's word for it, so that a checkout can move after it was built.
pub fn folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).into()
}

/// The repository's folder.
pub fn root() -> Result<PathBuf> {
    Ok(folder().parent().ok_or("no folder above benches/")?.into())
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

/// An OpenAI request of exactly `SIZE` bytes.
fn request(mock: bool) -> String {
    let with = |content: String| {
        let mut request = json!({
            "model": MODEL,
            "messages": [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": content}],
            "temperature": 0.5,
            "max_tokens": 256,
        });
        if mock {
            request["mock_response"] = json!("Good day.");
        }
        request.to_string()
    };
    let padding = SIZE.saturating_sub(with(String::new()).len());
    with("Say it in words. ".chars().cycle().take(padding).collect())
}

fn config(base: &str, deployments: usize, settings: &str) -> String {
    let deployment = |n| {
        format!(
            "  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{MODEL}\n      api_base: {base}\n      \
             api_key: sk-bench-{n}-456789abcdef0123456789abcdef\n"
        )
    };
    let deployments: String = (1..=deployments).map(deployment).collect();
    format!("model_list:\n{deployments}router_settings: {{{settings}, num_retries: 2}}\n")
}
