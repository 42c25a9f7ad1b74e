//! Arbitrary input never panics the parser, and arbitrary keys survive every envelope.

use proptest::prelude::*;

use platform::events::{Ignored, parse, parse_invocation};

use crate::envelopes::{CARRIERS, bridged, form_encoded, s3};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_parsed_or_rejected(bytes: Vec<u8>) {
        let _ = parse(&bytes);
        let _ = parse_invocation(&bytes);
    }

    #[test]
    fn damaged_messages_are_parsed_or_rejected(
        carrier in 0..CARRIERS.len(),
        through_eventbridge: bool,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end: prop::sample::Index,
    ) {
        let message = if through_eventbridge { bridged("uploads/x.jpg") } else { s3("uploads/x.jpg") };
        let mut bytes = CARRIERS[carrier].wrap(&message).into_bytes();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = parse_invocation(&bytes);
        let _ = parse(&bytes);
        bytes.truncate(end.index(bytes.len()));
        prop_assert!(parse_invocation(&bytes).is_err(), "half a message was read");
    }

    #[test]
    fn any_key_survives_every_envelope(key in ".{1,200}", carrier in 0..CARRIERS.len()) {
        // Outside of uploads/, keys are ignored, and can be compared whatever they are.
        let key = format!("elsewhere/{key}");
        for message in [s3(&form_encoded(&key)), bridged(&key)] {
            let news = CARRIERS[carrier].deliver(&message).unwrap();
            prop_assert_eq!(&news.ignored, &[Ignored::OtherKey(key.clone())]);
        }
    }
}
