//! How llmrouter behaves on the network, through the C ABI: servers, certificates and proxies for the tests in `tests/`.

pub mod certificates;
pub mod process;
pub mod proxy;
pub mod secure;
pub mod settings;
pub mod wire;
