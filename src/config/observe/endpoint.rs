//! Addresses of collectors. They may hold credentials, so no message repeats one.

use url::Url;

/// An `http` or `https` address that can be sent to. Credentials in it belong into headers and make it none.
pub fn parse(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (is_web && is_plain).then_some(url)
}

/// A host as users write it, with or without scheme, path and final slash: with a scheme, without that slash.
pub fn host(text: &str) -> Option<String> {
    let has_scheme = text.contains("://");
    let url = parse(&if has_scheme { text.to_owned() } else { format!("https://{text}") })?;
    url.query().is_none().then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// What of an address may be shown: paths and queries of webhooks are often the very credential.
pub fn origin(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        _ => "[redacted]".to_owned(),
    }
}
