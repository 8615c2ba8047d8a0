//! Samples of RFC 8785, texts without a canonical form, and omitted fields.

use super::*;

fn of(text: &str) -> [u8; 32] {
    digest(text.as_bytes(), &[]).unwrap_or_else(|| panic!("{text}"))
}

/// RFC 8785, sections 3.2.2 and 3.2.3.
#[test]
fn the_sample_of_the_rfc_equals_its_canonical_form() {
    let sample = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let canonical = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
                     \"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(of(sample), of(canonical));
}

/// RFC 8785, section 3.2.3.
#[test]
fn members_may_come_in_any_order_and_items_may_not() {
    let sorted = "{\"\\r\":\"CR\",\"1\":\"One\",\"\u{80}\":\"C\",\"\u{f6}\":\"O\",\"\u{20ac}\":\"E\",\"\u{1f600}\":\"S\",\"\u{fb33}\":\"H\"}";
    let shuffled =
        r#"{"\u20ac":"E","\r":"CR","\ufb33":"H","1":"One","\ud83d\ude00":"S","\u0080":"C","\u00f6":"O"}"#;
    assert_eq!(of(sorted), of(shuffled));
    assert_ne!(of("[1,2]"), of("[2,1]"));
}

/// RFC 8785, appendix B.
#[test]
fn numbers_are_equal_if_their_doubles_are() {
    for (one, other) in [
        ("0", "-0"),
        ("0", "-0.0"),
        ("1", "1.0"),
        ("100", "1e2"),
        ("5e-324", "4.9406564584124654e-324"),
        ("1.7976931348623157e308", "17.976931348623157E+307"),
        ("333333333.3333333", "333333333.33333329"),
        ("0.1", "0.10000000000000001"),
    ] {
        assert_eq!(of(one), of(other), "{one} {other}");
    }
    for (one, other) in [("1", "2"), ("1", "-1"), ("333333333.33333325", "333333333.3333332"), ("1", "\"1\"")]
    {
        assert_ne!(of(one), of(other), "{one} {other}");
    }
}

#[test]
fn a_text_without_a_canonical_form_has_no_digest() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"b":{"a":1,"\u0061":1}}"#,
        "9007199254740993",
        "-9007199254740993.0",
        "18446744073709551616",
        "1000000000000000000000001",
        "0.1000000000000000055",
        "1e400",
        r#""\ud800""#,
        "{",
        "",
        "1 2",
    ] {
        assert!(digest(text.as_bytes(), &[]).is_none(), "{text}");
    }
    assert!(digest("[".repeat(100_000).as_bytes(), &[]).is_none());
}

/// serde_json may pass a number as an object with one member of this name.
#[test]
fn an_object_that_looks_like_a_parsed_number_has_no_digest() {
    for name in ["$serde_json::private::Number", r"\u0024serde_json::private::Numbe\u0072"] {
        for text in [
            format!(r#"{{"amount":{{"{name}":"5"}}}}"#),
            format!(r#"{{"{name}" : "5"}}"#),
            format!(r#"[{{"a\"":"\\","{name}":1}}]"#),
        ] {
            assert!(digest(text.as_bytes(), &[]).is_none(), "{text}");
        }
        let text = format!(r#"{{"note":"{name}"}}"#);
        assert!(digest(text.as_bytes(), &[]).is_some(), "{text}");
    }
}

#[test]
fn values_of_different_structure_differ() {
    let texts =
        [r#"["ab"]"#, r#"["a","b"]"#, r#"[["a"],"b"]"#, r#"{"a":"b"}"#, "[]", "{}", "null", "[null]", "\"\""];
    for (at, one) in texts.iter().enumerate() {
        assert!(texts[at + 1..].iter().all(|other| of(one) != of(other)), "{one}");
    }
}

#[test]
fn fields_are_left_out_by_their_pointers() {
    let without = |text: &str, pointers: &[&str]| {
        let pointers: Vec<_> = pointers.iter().map(|text| Pointer::parse(text).unwrap()).collect();
        digest(text.as_bytes(), &pointers).unwrap()
    };
    let call =
        |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"pay","params":{{"a/b":1,"m~n":2}}}}"#);
    assert_eq!(without(&call("1"), &["/id"]), without(&call("\"x\""), &["/id"]));
    assert_ne!(without(&call("1"), &[]), without(&call("2"), &[]));
    assert_eq!(
        without(&call("1"), &["/id", "/params/a~1b"]),
        without(&call("1").replace("1,\"m", "7,\"m"), &["/id", "/params/a~1b"])
    );
    assert_eq!(without("[{\"id\":1},2]", &["/0/id"]), without("[{\"id\":3},2]", &["/0/id"]));
    assert_eq!(without("[1,2]", &["/7", "/x", "/00"]), without("[1,2]", &[]));
    for no_pointer in ["", "id", "id/", "/a~2", "/a~"] {
        assert!(Pointer::parse(no_pointer).is_none(), "{no_pointer}");
    }
}
