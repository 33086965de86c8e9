//! Servers that belong together: a cluster, and a master with a replica and a sentinel.

use std::process::Command;
use std::time::Duration;

use llmrouter::config::{RedisAddress, RedisConfig, RedisNodes, Secret};

use crate::process::{Process, free_port};
use crate::redis::{Options, Server, settings};
use crate::{Folder, wait_until};

const SETTLED: Duration = Duration::from_secs(30);

/// Three masters, and a replica of the first.
pub struct Cluster {
    pub masters: Vec<Server>,
    pub replica: Server,
}

impl Cluster {
    pub fn new() -> Self {
        Self::start(&Options::default())
    }

    pub fn start(options: &Options) -> Self {
        let node = || {
            let mut options = options.clone();
            let bus = free_port().to_string();
            for argument in [
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "1000",
                "--cluster-port",
                &bus,
                "--repl-diskless-sync-delay",
                "0",
            ] {
                options.arguments.push(argument.to_owned());
            }
            if options.tls.is_some() {
                options.arguments.extend(["--tls-cluster", "yes", "--tls-replication", "yes"].map(str::to_owned));
            }
            (Server::start(&options), bus)
        };
        let (nodes, buses): (Vec<Server>, Vec<String>) = (0..4).map(|_| node()).unzip();
        let Some((first, others)) = nodes.split_first() else { unreachable!("four nodes") };
        for (range, node) in [["0", "5460"], ["5461", "10922"], ["10923", "16383"]].iter().zip(&nodes) {
            node.cli(&["CLUSTER", "ADDSLOTSRANGE", range[0], range[1]]);
        }
        for (node, bus) in others.iter().zip(&buses[1..]) {
            first.cli(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), bus]);
        }
        let is_well = |node: &Server| {
            let info = node.cli(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4")
        };
        wait_until("a cluster", SETTLED, || nodes[..3].iter().all(is_well));
        let id = first.cli(&["CLUSTER", "MYID"]);
        wait_until("a replica", SETTLED, || nodes[3].cli(&["CLUSTER", "REPLICATE", &id]) == "OK");
        wait_until("a replica that is whole", SETTLED, || {
            nodes[3].cli(&["INFO", "replication"]).contains("master_link_status:up")
        });
        let mut masters = nodes;
        let replica = masters.pop().expect("four nodes");
        let cluster = Self { masters, replica };
        wait_until("a replica that all know", SETTLED, || {
            cluster.masters.iter().all(|node| node.cli(&["CLUSTER", "NODES"]).contains("slave"))
        });
        cluster
    }

    /// What `redis-cli` prints at the server that had this key when the cluster was made.
    pub fn cli(&self, key: &str, arguments: &[&str]) -> String {
        let slot: u16 = self.masters[0].cli(&["CLUSTER", "KEYSLOT", key]).parse().expect("a slot");
        let place = match slot {
            0..=5460 => 0,
            5461..=10922 => 1,
            _ => 2,
        };
        self.masters[place].cli(arguments)
    }

    /// One of the masters is named; the others are found.
    pub fn config(&self) -> RedisConfig {
        settings(RedisNodes::Cluster(vec![self.masters[1].address()]))
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

/// A master, a replica, and a sentinel that lets the replica take over.
pub struct Guarded {
    pub master: Server,
    pub replica: Server,
    port: u16,
    password: String,
    _sentinel: Process,
    _folder: Folder,
}

impl Guarded {
    pub fn new() -> Self {
        let password = "of the servers".replace(' ', "-");
        let options = Options {
            password: Some(&password),
            ..Options::with(&["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"])
        };
        let master = Server::start(&options);
        let mut of_replica = options.clone();
        of_replica.arguments.extend(["--replicaof".to_owned(), format!("127.0.0.1 {}", master.port)]);
        let replica = Server::start(&of_replica);
        wait_until("a replica", SETTLED, || replica.cli(&["INFO", "replication"]).contains("master_link_status:up"));
        let folder = Folder::new();
        let port = free_port();
        let master_port = master.port;
        let file = folder.write(
            "sentinel.conf",
            &format!(
                "bind 127.0.0.1\nport {port}\nrequirepass of-sentinels\n\
                 sentinel monitor mine 127.0.0.1 {master_port} 1\nsentinel auth-pass mine {password}\n\
                 sentinel down-after-milliseconds mine 500\nsentinel failover-timeout mine 3000\n"
            ),
        );
        let arguments = [file.display().to_string()];
        let sentinel = Process::start("redis-sentinel", &arguments, folder.path(), "+slave slave");
        Self { master, replica, port, password, _sentinel: sentinel, _folder: folder }
    }

    /// Tells the sentinel to name another master.
    pub fn fail_over(&self) {
        let arguments = ["-p", &self.port.to_string(), "-a", "of-sentinels", "--no-auth-warning"];
        // It looks at the replica now and then only, and may not know yet that it is whole.
        wait_until("a fail-over that begins", SETTLED, || {
            let told = Command::new("redis-cli").args(arguments).args(["SENTINEL", "FAILOVER", "mine"]).output();
            let told = told.expect("redis-cli, which `make setup` installs");
            String::from_utf8_lossy(&told.stdout).trim() == "OK"
        });
    }

    pub fn config(&self) -> RedisConfig {
        let nodes = RedisNodes::Sentinel {
            nodes: vec![
                // One that is not there is passed over.
                RedisAddress::Tcp("127.0.0.1".to_owned(), 1),
                RedisAddress::Tcp("127.0.0.1".to_owned(), self.port),
            ],
            service: "mine".to_owned(),
            password: Some(Secret::new("of-sentinels")),
        };
        RedisConfig { password: Some(Secret::new(self.password.as_str())), ..settings(nodes) }
    }
}

impl Default for Guarded {
    fn default() -> Self {
        Self::new()
    }
}
