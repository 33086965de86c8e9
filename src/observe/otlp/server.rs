//! Where a deployment is, as spans say it.

use super::attributes::Attributes;

/// `server.address` and `server.port` of a base URL.
pub fn put(base: Option<&str>, attributes: &mut Attributes) {
    let Some((host, port)) = base.and_then(address) else { return };
    attributes.text("server.address", host);
    if let Some(port) = port {
        attributes.count("server.port", port.into());
    }
}

fn address(base: &str) -> Option<(&str, Option<u16>)> {
    let (scheme, rest) = base.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (authority, None),
    };
    let usual = match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some((host, port.or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!(address("https://api.openai.com/v1"), Some(("api.openai.com", Some(443))));
        assert_eq!(address("http://127.0.0.1:8080/v1"), Some(("127.0.0.1", Some(8080))));
        assert_eq!(address("http://user:secret@host:1"), Some(("host", Some(1))));
        assert_eq!(address("https://[::1]:9/x"), Some(("::1", Some(9))));
        assert_eq!(address("https://[::1]"), Some(("::1", Some(443))));
        assert_eq!((address("nothing"), address("http:///x")), (None, None));
    }
}
