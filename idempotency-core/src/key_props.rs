//! A text parses exactly if it is a key.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_is_a_key_if_it_has_1_to_255_bytes_of_printable_ascii(text in "[ -~]{0,300}|.{0,20}|[ -~]{0,9}[\\x00-\\x1f\\x7f][ -~]{0,9}") {
        let is_key = (1..=255).contains(&text.len()) && text.chars().all(|char| matches!(char, ' '..='~'));
        let key = Key::new(&text);
        prop_assert_eq!(key.is_ok(), is_key);
        if let Ok(key) = key {
            prop_assert_eq!(key.as_str(), text.as_str());
        }
    }
}
