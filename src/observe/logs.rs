//! Log records as JSON. The host owns the sink; without one nothing is made.

use log::kv::{Error, Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};
use once_cell::sync::OnceCell;
use serde_json::Map;

use crate::clock;

/// Takes a level (1 error … 5 trace) and a record that ends in a NUL.
pub type Sink = fn(i32, &str);

static LOGGER: OnceCell<Logger> = OnceCell::new();

struct Logger {
    sink: Sink,
}

/// Sends records to `sink` from now on, once for the whole process.
pub fn install(sink: Sink) {
    let logger = LOGGER.get_or_init(|| Logger { sink });
    // Refused if the host program, linked with this crate, logs its own way; then the records are there.
    let _ = log::set_logger(logger);
}

/// Records up to this level are made; 0 for none.
pub fn set_level(level: i32) {
    log::set_max_level(match level {
        ..=0 => LevelFilter::Off,
        1 => LevelFilter::Error,
        2 => LevelFilter::Warn,
        3 => LevelFilter::Info,
        4 => LevelFilter::Debug,
        5.. => LevelFilter::Trace,
    });
}

impl Log for Logger {
    /// Our own records only: what the HTTP crates log holds URLs and headers that are not ours to show.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().split("::").next() == Some(env!("CARGO_CRATE_NAME")) && metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut text = render(record);
            text.push('\0');
            (self.sink)(record.level() as i32, &text);
        }
    }

    fn flush(&self) {}
}

fn render(record: &Record<'_>) -> String {
    let mut object = Map::new();
    object.insert("time".to_owned(), clock::unix_ms().into());
    object.insert("level".to_owned(), record.level().as_str().to_lowercase().into());
    object.insert("target".to_owned(), record.target().into());
    object.insert("message".to_owned(), record.args().to_string().into());
    // A visitor that never fails.
    let _ = record.key_values().visit(&mut Fields(&mut object));
    serde_json::Value::Object(object).to_string()
}

struct Fields<'a>(&'a mut Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let value = match (value.to_u64(), value.to_f64(), value.to_bool()) {
            (Some(number), _, _) => number.into(),
            (_, Some(number), _) => number.into(),
            (_, _, Some(flag)) => flag.into(),
            _ => value.to_string().into(),
        };
        self.0.insert(key.to_string(), value);
        Ok(())
    }
}
