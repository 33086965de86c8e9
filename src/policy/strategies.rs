//! The names of the strategies that choose.

/// What a request may ask for, and a configuration name; some names of LiteLLM's choose nothing, and are the configuration's alone.
pub const STRATEGIES: [&str; 6] = [
    "simple-shuffle",
    "least-busy",
    "usage-based-routing",
    "usage-based-routing-v2",
    "latency-based-routing",
    "cost-based-routing",
];
