//! One Redis server.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use llmrouter::config::{RedisAddress, RedisConfig, RedisNodes, Secret};

use crate::process::{Process, free_port};
use crate::{Certificates, Folder};

const READY: &str = "Ready to accept connections";

/// How a server is started.
#[derive(Clone, Default)]
pub struct Options<'a> {
    /// What stands on the command line, such as `--requirepass x`.
    pub arguments: Vec<String>,
    /// Encrypted, on the same port.
    pub tls: Option<&'a Certificates>,
    pub password: Option<&'a str>,
}

impl Options<'_> {
    pub fn with(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..Self::default() }
    }
}

pub struct Server {
    pub port: u16,
    folder: Folder,
    arguments: Vec<String>,
    /// For `redis-cli`.
    access: Vec<String>,
    process: Process,
}

impl Server {
    pub fn new() -> Self {
        Self::start(&Options::default())
    }

    pub fn start(options: &Options) -> Self {
        let folder = Folder::new();
        let port = free_port();
        let mut arguments: Vec<String> =
            ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"].map(str::to_owned).into();
        let mut access = vec!["-p".to_owned(), port.to_string()];
        let mut pair = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        pair("--unixsocket", folder.path().join("socket").display().to_string());
        match options.tls {
            None => pair("--port", port.to_string()),
            Some(files) => {
                pair("--port", "0".to_owned());
                pair("--tls-port", port.to_string());
                pair("--tls-cert-file", files.server.0.display().to_string());
                pair("--tls-key-file", files.server.1.display().to_string());
                pair("--tls-ca-cert-file", files.ca.display().to_string());
                let of_client = ["--tls".to_owned(), "--cacert".to_owned(), files.ca.display().to_string()];
                access.extend(of_client);
                access.extend(["--cert".to_owned(), files.client.0.display().to_string()]);
                access.extend(["--key".to_owned(), files.client.1.display().to_string()]);
            }
        }
        if let Some(password) = options.password {
            pair("--requirepass", password.to_owned());
            pair("--masterauth", password.to_owned());
            access.extend(["-a".to_owned(), password.to_owned(), "--no-auth-warning".to_owned()]);
        }
        arguments.extend(options.arguments.iter().cloned());
        let process = Process::start("redis-server", &arguments, folder.path(), READY);
        Self { port, folder, arguments, access, process }
    }

    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// On the same port, with nothing in it.
    pub fn restart(&mut self) {
        self.process.kill();
        self.process = Process::start("redis-server", &self.arguments, self.folder.path(), READY);
    }

    /// Lets it stand still: connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// What `redis-cli` prints, without the end of the line.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(&self.access).args(arguments).stdin(Stdio::null());
        let output =
            command.output().unwrap_or_else(|error| panic!("can't run redis-cli: {error}; `make setup` installs it"));
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub fn address(&self) -> RedisAddress {
        RedisAddress::Tcp("127.0.0.1".to_owned(), self.port)
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub fn config(&self) -> RedisConfig {
        settings(RedisNodes::One(self.address()))
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

/// Nothing but where it is. The time for an answer is that of a busy machine.
pub fn settings(nodes: RedisNodes) -> RedisConfig {
    RedisConfig {
        nodes,
        username: None,
        password: None::<Secret>,
        db: 0,
        tls: None,
        client_name: None,
        connect_timeout: Duration::from_secs(1),
        timeout: Duration::from_millis(500),
    }
}
