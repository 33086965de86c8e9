//! The list of prices: text, unpacked when somebody asks for the first time, a row read when it is asked for.

use once_cell::race::OnceBox;

use super::info::{CAPABILITIES, Mode, ModelInfo};
use super::rates::Service;
use super::unit::{PriceKey, Unit};

/// `data/prices.tsv`, packed by `build.rs`.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prices.deflate"));

/// More than the list will ever have, so that damaged data can't take the memory.
const MOST_BYTES: usize = 16 << 20;

// Made by whoever asks first, and waited for by nobody: a process that was forked meanwhile would wait for ever.
static TEXT: OnceBox<String> = OnceBox::new();
/// By name, in the order of the names.
static ROWS: OnceBox<Vec<(&'static str, Row)>> = OnceBox::new();

fn text() -> &'static str {
    TEXT.get_or_init(|| {
        // The data is part of the library and a test reads it, so it can't fail here; an empty list fails no program.
        let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(PACKED, MOST_BYTES).unwrap_or_default();
        Box::new(String::from_utf8(bytes).unwrap_or_default())
    })
}

fn rows() -> &'static [(&'static str, Row)] {
    ROWS.get_or_init(|| Box::new(text().lines().filter_map(split).collect()))
}

/// One row: whose model, and the rest as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub provider: &'static str,
    rest: &'static str,
}

fn split(line: &'static str) -> Option<(&'static str, Row)> {
    let (name, rest) = line.split_once('\t').filter(|_| !line.starts_with('#'))?;
    let (provider, rest) = rest.split_once('\t')?;
    Some((name, Row { provider, rest }))
}

/// The row of exactly this name.
pub(super) fn row(name: &str) -> Option<Row> {
    let rows = rows();
    let index = rows.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    rows.get(index).map(|(_, row)| *row)
}

impl Row {
    /// `None` if it can't be read, which a test rules out.
    pub fn read(self) -> Option<ModelInfo> {
        let mut columns = self.rest.split('\t');
        let mut next = || columns.next();
        let (mode, input, output) = (Mode::named(next()?)?, next()?, next()?);
        let mut info = ModelInfo {
            mode: Some(mode),
            max_input_tokens: window(input)?,
            max_output_tokens: window(output)?,
            ..ModelInfo::default()
        };
        for letter in next()?.chars() {
            let index = CAPABILITIES.iter().position(|(.., known)| *known == letter.to_ascii_lowercase())?;
            *info.capabilities.get_mut(index)? = Some(letter.is_ascii_lowercase());
        }
        let (mut service, mut above) = (Service::Standard, 0);
        for word in next()?.split_ascii_whitespace() {
            if let Some(group) = word.strip_prefix('/') {
                // From here on: for this service, and for longer prompts than this.
                let (name, tokens) = group.split_once('>')?;
                service = if name.is_empty() { Service::Standard } else { Service::priced(name)? };
                above = tokens.parse().ok()?;
                continue;
            }
            let mut letters = word.chars();
            let unit = Unit::lettered(letters.next()?)?;
            info.rates.add(PriceKey { unit, service, above }, letters.as_str().parse().ok()?);
        }
        columns.next().is_none().then_some(info)
    }
}

/// An empty column is an unknown window.
fn window(column: &str) -> Option<Option<u64>> {
    if column.is_empty() { Some(None) } else { column.parse().ok().map(Some) }
}

/// What the head of the list says under this name: `source`, `date`, `licence`.
pub fn about(name: &str) -> Option<&'static str> {
    let head = text().lines().map_while(|line| line.strip_prefix("# "));
    head.filter_map(|line| line.split_once(": ")).find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::super::unit::NAMES;
    use super::*;

    #[test]
    fn every_row_is_readable_and_sorted() {
        let lines = text().lines().filter(|line| !line.starts_with('#')).count();
        assert!(lines > 3000 && rows().len() == lines, "{} rows of {lines} lines", rows().len());
        assert!(rows().is_sorted_by(|(one, _), (other, _)| one < other));
        for (name, listed) in rows().iter() {
            assert_eq!(row(name).map(|row| row.rest), Some(listed.rest));
            assert!(!name.is_empty() && !listed.provider.is_empty(), "{name}");
            let info = listed.read();
            assert!(info.is_some(), "{name}");
            let rates: Vec<_> = info.unwrap().rates.iter().collect();
            for (index, (key, price)) in rates.iter().enumerate() {
                assert!(price.is_finite() && *price >= 0.0, "{name}");
                assert!(rates[..index].iter().all(|(other, _)| other != key), "{name}: a price stands twice");
            }
        }
    }

    #[test]
    fn what_is_built_in_is_the_committed_list_and_says_whence_it_is() {
        assert_eq!(text(), include_str!("../../data/prices.tsv"));
        assert!(about("source").unwrap().starts_with("litellm ") && about("licence").unwrap().starts_with("MIT"));
        let date: Vec<_> = about("date").unwrap().split('-').map(|part| part.parse::<u32>().unwrap()).collect();
        assert!(matches!(date[..], [2026..=2999, 1..=12, 1..=31]), "{date:?}");
        assert!(include_str!("../../THIRD_PARTY.md").contains("Copyright (c) 2023 Berri AI"));
    }

    #[test]
    fn letters_mean_what_the_head_says() {
        let told: Vec<_> = text().lines().map_while(|line| line.strip_prefix("# ")).collect();
        let prices = NAMES.iter().map(|(_, name, letter)| format!("price {letter} {name}"));
        let capabilities = CAPABILITIES.iter().map(|(_, name, letter)| format!("capability {letter} {name}"));
        let expected: Vec<_> = prices.chain(capabilities).collect();
        assert_eq!(told[told.len() - expected.len()..], expected);
    }

    #[test]
    fn a_damaged_row_is_none() {
        let read = |rest| Row { provider: "p", rest }.read();
        assert!(read("chat\t1\t\tfV\ti1e-6 /flex>0 i0").is_some());
        for rest in [
            "",
            "chat",
            "chat\t1\t\tf",
            "dance\t1\t\tf\t",
            "chat\tx\t\tf\t",
            "chat\t1\t\t?\t",
            "chat\t1\t\tf\tix",
            "chat\t1\t\tf\t?1",
            "chat\t1\t\tf\t/slow>0 i1",
            "chat\t1\t\tf\ti1\tmore",
        ] {
            assert!(read(rest).is_none(), "{rest}");
        }
    }
}
