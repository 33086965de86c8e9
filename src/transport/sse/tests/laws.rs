//! What holds for any stream: the pieces don't matter, memory is bounded, and nothing is copied without need.

use super::*;

/// The format written down once more, the slow way: the whole stream, line by line.
fn by_the_book(stream: &[u8]) -> (Vec<Event>, Option<Event>) {
    let stream = stream.strip_prefix(BYTE_ORDER_MARK).unwrap_or(stream);
    let (mut lines, mut line, mut bytes) = (Vec::new(), Vec::new(), stream.iter().copied().peekable());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' | b'\n' => {
                if byte == b'\r' {
                    bytes.next_if_eq(&b'\n');
                }
                lines.push(std::mem::take(&mut line));
            }
            _ => line.push(byte),
        }
    }
    let (mut closed, mut name, mut data) = (Vec::new(), Vec::new(), Vec::new());
    let give = |name: &mut Vec<u8>, data: &mut Vec<u8>| {
        let (name, mut data) = (std::mem::take(name), std::mem::take(data));
        data.pop();
        let name = String::from_utf8_lossy(&name).into_owned();
        let name = (!name.is_empty() && name != "message").then(|| name.into());
        (!data.is_empty()).then(|| Event { name, data: data.into() })
    };
    let is_open = !line.is_empty();
    let lines = lines.into_iter().chain(is_open.then_some(line));
    for line in lines {
        if line.is_empty() {
            closed.extend(give(&mut name, &mut data));
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => data.extend([value, b"\n"].concat()),
            b"event" => name = value.to_vec(),
            _ => {}
        }
    }
    let open = give(&mut name, &mut data);
    (closed, open)
}

/// Streams of pieces that mean something to the format, which random bytes would seldom hit upon.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "data",
        "data:",
        "data: ",
        "event",
        "event: ",
        "event:ping",
        "id: 1",
        "retry:",
        ":",
        " ",
        "message",
        "x",
        "é",
        "{\"a\": 1}",
        "\u{FEFF}",
        "\0",
    ];
    let ends = ["\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "\r\r"];
    let word = proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec());
    let end = proptest::sample::select(ends.to_vec()).prop_map(|end| end.as_bytes().to_vec());
    let any = proptest::collection::vec(any::<u8>(), 0..4);
    let part = prop_oneof![6 => word, 5 => end, 1 => any];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

/// Cuts at any places, some of them the same: empty pieces come too.
fn pieces<'a>(stream: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
    places.sort_unstable();
    let starts = std::iter::once(0).chain(places.clone());
    starts.zip(places.iter().copied().chain([stream.len()])).map(|(start, end)| &stream[start..end]).collect()
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        stream in stream(),
        places in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let expected = by_the_book(&stream);
        prop_assert_eq!(&decoded([stream.as_slice()]), &expected, "whole");
        prop_assert_eq!(&decoded(stream.chunks(1)), &expected, "byte by byte");
        prop_assert_eq!(&decoded(pieces(&stream, &places)), &expected, "in pieces");
    }

    #[test]
    fn any_bytes_are_read(stream in proptest::collection::vec(any::<u8>(), 0..300), size in 1usize..300) {
        prop_assert_eq!(decoded(stream.chunks(size)), by_the_book(&stream));
    }
}

/// Feeds in pieces of this size until it overflows: how many events came before, and of which kind it was.
fn overflow(stream: &[u8], size: usize) -> (usize, Option<Overflow>) {
    let mut decoder = EventDecoder::new();
    let failed = stream.chunks(size).find_map(|piece| decoder.feed(Bytes::copy_from_slice(piece)).err());
    assert_eq!(decoder.overflow, failed);
    let events = decoder.by_ref().count();
    if let Some(failed) = failed {
        assert_eq!(decoder.feed(Bytes::from_static(b"\n\ndata: x\n\n")), Err(failed), "it stays so");
        assert_eq!((decoder.line.capacity(), decoder.data.len(), decoder.finish()), (0, 0, None));
    }
    (events, failed)
}

#[track_caller]
fn overflows(stream: &[u8], expected: (usize, Option<Overflow>)) {
    for size in [stream.len(), 16 * 1024, 1021] {
        assert_eq!(overflow(stream, size), expected, "in pieces of {size}");
    }
}

fn line_of(field: &str, len: usize) -> Vec<u8> {
    [field.as_bytes(), &vec![b'x'; len - field.len()]].concat()
}

#[test]
fn a_line_is_bounded() {
    for field in ["data: ", ": ", "event: ", ""] {
        for end in ["", "\n\ndata: never\n\n"] {
            let fits = [b"data: first\n\n", line_of(field, MAX_LINE_BYTES).as_slice()].concat();
            let over = [fits.as_slice(), b"x", end.as_bytes()].concat();
            overflows(&fits, (1, None));
            overflows(&over, (1, Some(Overflow::Line)));
        }
    }
}

#[test]
fn an_event_is_bounded() {
    // Three of the longest lines, and a line that brings the data to half a line below the bound.
    let full = [line_of("data: ", MAX_LINE_BYTES), b"\n".to_vec()].concat().repeat(3);
    let held = 3 * (MAX_LINE_BYTES - "data: ".len()) + 2;
    let next = line_of("data: ", MAX_EVENT_BYTES - MAX_LINE_BYTES / 2 - held - 1 + "data: ".len());
    let most = [full, next, b"\n".to_vec()].concat();
    for field in ["data: ", ": "] {
        let fits = [most.as_slice(), &line_of(field, MAX_LINE_BYTES / 2)].concat();
        overflows(&[fits.as_slice(), b"\n\n"].concat(), (1, None));
        overflows(&[fits.as_slice(), b"x"].concat(), (0, Some(Overflow::Event)));
        // Also where the line would be too long by itself: which bound is hit first does not depend on the pieces.
        overflows(&[fits.as_slice(), &vec![b'x'; MAX_LINE_BYTES]].concat(), (0, Some(Overflow::Event)));
    }
    // Lines without a value count too: their joints are held.
    overflows(&[most, b"data\n".repeat(MAX_LINE_BYTES / 2 + 8)].concat(), (0, Some(Overflow::Event)));
}

#[test]
fn what_holds_nothing_is_not_bounded() {
    let stream =
        [b"data: x\n".to_vec(), line_of("\n: ", 1000).repeat(MAX_EVENT_BYTES / 800), b"\n\n".to_vec()].concat();
    overflows(&stream, (1, None));
}

#[test]
fn the_messages_name_the_bound() {
    assert_eq!(Overflow::Line.message(), "a line of the event stream has more than 1048576 bytes");
    assert_eq!(Overflow::Event.message(), "an event of the event stream has more than 4194304 bytes");
}

#[test]
fn an_event_within_a_piece_is_a_slice_of_it() {
    let piece = Bytes::from(b": comment\n\nevent: e\ndata: {\"a\":1}\r\n\r\ndata:[DONE]\n\ndata: op".to_vec());
    let mut decoder = EventDecoder::new();
    decoder.feed(piece.clone()).unwrap();
    for (at, data) in [(26, "{\"a\":1}"), (42, "[DONE]")] {
        let event = decoder.next().unwrap();
        assert_eq!(event.data, data);
        assert_eq!(event.data.as_ptr(), piece[at..].as_ptr());
    }
    assert_eq!(decoder.next(), None);
    assert!(piece.is_unique(), "what is left open holds no piece");
}

#[test]
fn a_data_line_whose_event_is_open_holds_no_piece() {
    let piece = Bytes::from(b"data: x\n".to_vec());
    let mut decoder = EventDecoder::new();
    decoder.feed(piece.clone()).unwrap();
    assert!(piece.is_unique());
    decoder.feed(Bytes::from_static(b"\n")).unwrap();
    assert_eq!(decoder.next(), Some(event(None, "x")));
}

#[test]
fn memory_is_small_again_after_a_big_event() {
    let big = [b"data: 1\n".to_vec(), line_of("data: ", MAX_LINE_BYTES), b"\n\n".to_vec()].concat();
    let mut decoder = EventDecoder::new();
    for piece in big.chunks(1000) {
        decoder.feed(Bytes::copy_from_slice(piece)).unwrap();
    }
    decoder.feed(b"data: 1\n\n".repeat(1000).into()).unwrap();
    assert_eq!(decoder.by_ref().count(), 1001);
    assert!(matches!(decoder.data, Data::None));
    assert_eq!(decoder.line.capacity(), 0);
    assert!(decoder.ready.capacity() <= MAX_ROOM_KEPT);
}
