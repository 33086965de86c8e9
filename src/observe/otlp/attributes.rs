//! Attributes of spans and resources, in OTLP's shape.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};

/// Names and values, in order. A name is put in once.
#[derive(Default)]
pub struct Attributes(Vec<KeyValue>);

impl Attributes {
    pub fn with_room(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    pub fn text(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.put(name, Value::StringValue(value.into()));
    }

    /// Nothing for `None`.
    pub fn known(&mut self, name: impl Into<String>, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub fn texts<T: Into<String>>(&mut self, name: impl Into<String>, values: impl IntoIterator<Item = T>) {
        let any = |value: T| AnyValue { value: Some(Value::StringValue(value.into())) };
        let values = values.into_iter().map(any).collect();
        self.put(name, Value::ArrayValue(ArrayValue { values }));
    }

    pub fn count(&mut self, name: impl Into<String>, value: u64) {
        self.int(name, i64::try_from(value).unwrap_or(i64::MAX));
    }

    pub fn int(&mut self, name: impl Into<String>, value: i64) {
        self.put(name, Value::IntValue(value));
    }

    pub fn number(&mut self, name: impl Into<String>, value: f64) {
        self.put(name, Value::DoubleValue(value));
    }

    pub fn flag(&mut self, name: impl Into<String>, value: bool) {
        self.put(name, Value::BoolValue(value));
    }

    pub fn done(self) -> Vec<KeyValue> {
        self.0
    }

    fn put(&mut self, name: impl Into<String>, value: Value) {
        let value = Some(AnyValue { value: Some(value) });
        self.0.push(KeyValue { key: name.into(), value, ..KeyValue::default() });
    }
}
