//! The floor: HTTP clients that do nothing but send the same bytes, set up as the router sets up its own.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

use crate::child::{Outcome, Task, measure};
use crate::{Result, drive};

/// The router's workers.
const WORKERS: usize = 2;
/// As long as a key usually is; the fake provider takes any.
const AUTHORIZATION: &str = "Bearer sk-bench-0123456789abcdef0123456789abcdef";
const JSON: &str = "application/json";

/// A runtime of the router's shape.
pub fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?)
}

/// A reqwest client of the router's shape. Its TLS is there but idle: the provider speaks plain HTTP.
pub fn client() -> Result<reqwest::Client> {
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .build()?)
}

/// One call, with the answer read to its end.
async fn post(client: &reqwest::Client, url: reqwest::Url, body: Bytes) -> std::result::Result<(), String> {
    let answer = send(client, url, body).await?;
    let status = answer.status();
    let bytes = answer.bytes().await.map_err(|error| error.to_string())?;
    checked(status.as_u16(), &bytes)
}

/// Sends a request and waits for the answer's headers.
pub async fn send(
    client: &reqwest::Client,
    url: reqwest::Url,
    body: Bytes,
) -> std::result::Result<reqwest::Response, String> {
    let request = client.post(url).header("authorization", AUTHORIZATION).header("content-type", JSON).body(body);
    request.send().await.map_err(|error| error.to_string())
}

fn checked(status: u16, body: &[u8]) -> std::result::Result<(), String> {
    if status == 200 && !body.is_empty() {
        return Ok(());
    }
    Err(format!("status {status}, {} bytes", body.len()))
}

/// reqwest in tasks: beside `router_completion_async`.
pub fn reqwest(task: &Task) -> Result<Outcome> {
    let (runtime, client) = (runtime()?, client()?);
    let (url, body) = (reqwest::Url::parse(&task.url)?, Bytes::from(task.request.clone()));
    let call = move || {
        let (client, url, body) = (client.clone(), url.clone(), body.clone());
        async move { post(&client, url, body).await }
    };
    measure(task, |calls| drive::tasks(&runtime, task.in_flight, calls, &call))
}

/// reqwest on threads that wait for it: beside `router_completion`.
pub fn reqwest_blocking(task: &Task) -> Result<Outcome> {
    let (runtime, client) = (runtime()?, client()?);
    let (url, body) = (reqwest::Url::parse(&task.url)?, Bytes::from(task.request.clone()));
    measure(task, |calls| {
        drive::threads(task.in_flight, calls, || runtime.block_on(post(&client, url.clone(), body.clone())))
    })
}

/// hyper with its pooling client, in tasks: what reqwest itself is built on.
pub fn hyper(task: &Task) -> Result<Outcome> {
    let runtime = runtime()?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let (url, body) = (task.url.parse::<hyper::Uri>()?, Bytes::from(task.request.clone()));
    let call = move || {
        let (client, url, body) = (client.clone(), url.clone(), body.clone());
        async move {
            let request = hyper::Request::post(url)
                .header("authorization", AUTHORIZATION)
                .header("content-type", JSON)
                .body(Full::new(body))
                .map_err(|error| error.to_string())?;
            let answer = client.request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
            checked(status.as_u16(), &body.to_bytes())
        }
    };
    measure(task, |calls| drive::tasks(&runtime, task.in_flight, calls, &call))
}
