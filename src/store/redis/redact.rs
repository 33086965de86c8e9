//! Takes passwords out of what servers say: one that does not know a command may repeat what came with it.

use crate::config::{RedisConfig, RedisNodes, Secret};

/// The shortest piece of a password that is recognised; shorter ones would blank out ordinary words.
const PIECE: usize = 8;

/// What must not appear.
pub struct Redactor {
    secrets: Vec<Secret>,
}

impl Redactor {
    pub fn new(config: &RedisConfig) -> Self {
        let of_sentinels = match &config.nodes {
            RedisNodes::Sentinel { password, .. } => password.as_ref(),
            _ => None,
        };
        Self { secrets: config.password.iter().chain(of_sentinels).cloned().collect() }
    }

    /// The text up to a password, if there is one in it.
    pub fn clean(&self, text: String) -> String {
        let is_secret = |piece: &[u8]| {
            self.secrets.iter().any(|secret| secret.expose().as_bytes().windows(PIECE).any(|part| part == piece))
        };
        let Some(at) = text.as_bytes().windows(PIECE).position(is_secret) else { return text };
        let before = (0..=at).rev().find_map(|end| text.get(..end)).unwrap_or_default();
        format!("{before}[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(password: &str, text: &str) -> String {
        Redactor { secrets: vec![Secret::new(password)] }.clean(text.to_owned())
    }

    #[test]
    fn nothing_is_shown_from_a_password_on() {
        let long = "redis-canary-0123456789";
        assert_eq!(clean(long, "with args: 'redis-canary-0123456789' 'x'"), "with args: '[redacted]");
        assert_eq!(clean(long, "cut: y-0123456"), "cut: [redacted]");
        assert_eq!(clean("gehört-uns-allen", "args: é gehört-uns-allen"), "args: é [redacted]");
        assert_eq!(clean("über-uns-allen", "ü\u{fc}ber-uns-allen"), "ü[redacted]");
    }

    #[test]
    fn other_text_stays() {
        assert_eq!(clean("redis-canary-0123456789", "redis is away, says née"), "redis is away, says née");
        assert_eq!(clean("short", "short"), "short");
        assert_eq!(clean("redis-canary", ""), "");
    }
}
