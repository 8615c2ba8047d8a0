//! The values at a few pointers of many bodies.

use super::*;

fn picked(pointers: &[&str], body: &str) -> Result<Vec<Option<String>>, NotJson> {
    let Values(values) = values(pointers, body)?;
    Ok(values.iter().map(|value| value.name().map(ToOwned::to_owned)).collect())
}

fn values<'a>(pointers: &[&str], body: &'a str) -> Result<Values<'a>, NotJson> {
    let mut paths = Paths::default();
    for (at, pointer) in pointers.iter().enumerate() {
        assert_eq!(paths.add(&Pointer::parse(pointer).unwrap()), at);
    }
    paths.pick(body.as_bytes())
}

fn one(pointer: &str, body: &str) -> Option<String> {
    picked(&[pointer], body).unwrap()[0].as_deref().map(ToOwned::to_owned)
}

#[test]
fn texts_and_whole_numbers_are_picked_in_one_pass() {
    let body = r#"{"id":"a\u0062\n","n":820982911946154500,"x":{"id":"no"},"data":{"list":[{"id":1},{"id":"2"}],"a/b":"c"}}"#;
    let values = picked(&["/id", "/n", "/data/list/1/id", "/data/a~1b", "/data/none/id", "/none"], body);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(values.unwrap(), [text("ab\n"), text("820982911946154500"), text("2"), text("c"), None, None]);
}

#[test]
fn a_pointer_may_lie_on_the_way_to_another() {
    let body = r#"{"data":{"id":"1"}}"#;
    assert_eq!(picked(&["/data", "/data/id"], body).unwrap(), [None, Some("1".to_owned())]);
    assert_eq!(picked(&["/data", "/data/id"], r#"{"data":"x"}"#).unwrap(), [Some("x".to_owned()), None]);
}

#[test]
fn equal_pointers_have_one_number() {
    let mut paths = Paths::default();
    let pointer = Pointer::parse("/a").unwrap();
    assert_eq!((paths.add(&pointer), paths.add(&pointer)), (0, 0));
    assert!(!paths.is_empty() && Paths::default().is_empty());
}

#[test]
fn a_whole_number_is_kept_as_it_is_written() {
    for digits in ["0", "-1", "-1001234567890", "18446744073709551616", "-99999999999999999999999"] {
        assert_eq!(one("/id", &format!(r#"{{"id": {digits} }}"#)).as_deref(), Some(digits));
    }
}

fn is_present(body: &str) -> bool {
    values(&["/id"], body).unwrap().get(0).unwrap().is_present()
}

#[test]
fn a_value_of_another_kind_is_no_name_but_present_unless_it_is_null() {
    for value in
        ["null", "true", "false", "-1.0", "1.5", "1e3", "1E-3", "[1,[2]]", "{}", r#"{"id":1}"#, r#""""#]
    {
        let body = format!(r#"{{"id":{value}}}"#);
        assert_eq!(one("/id", &body), None, "{value}");
        assert_eq!(is_present(&body), value != "null", "{value}");
    }
    assert!(!is_present("{}"));
    assert_eq!(one("/id", "[]"), None);
    assert_eq!(one("/id", "1"), None);
}

#[test]
fn a_value_whose_path_repeats_a_member_is_refused_when_it_is_read() {
    for body in [
        r#"{"event":{"id":"a"},"event":{"id":"b"}}"#,
        r#"{"event":{"id":"a","id":"b"}}"#,
        r#"{"event":{"id":"a","\u0069d":"b"}}"#,
        r#"{"event":1,"event":2}"#,
        r#"{"event":1,"event":2,"event":{"id":"c"}}"#,
    ] {
        let values = values(&["/event/id", "/other"], body).unwrap();
        assert!(values.get(0).is_err(), "{body}");
        assert!(values.get(1).is_ok(), "{body}");
    }
    assert_eq!(one("/id", r#"{"x":1,"x":2,"y":{"id":1,"id":2},"id":"a"}"#), Some("a".to_owned()));
}

#[test]
fn what_is_not_json_is_told_apart() {
    for body in ["", "{", "{} {}", "Hello World!", r#"{"id":"a"}x"#, r#"{"id":"\ud80"}"#] {
        assert_eq!(picked(&["/id"], body), Err(NotJson), "{body}");
    }
    let mut paths = Paths::default();
    paths.add(&Pointer::parse("/id").unwrap());
    assert_eq!(paths.pick(b"{\"id\":\"\xff\"}").unwrap_err(), NotJson);
}

/// Half of an emoji that the sender cut, for example. The grammar of RFC 8259 allows it (section 8.2).
#[test]
fn a_lone_surrogate_spoils_only_the_value_that_it_is_in() {
    for body in [
        r#"{"\ud83d":1,"id":"a"}"#,
        r#"{"x":"\ud83d","id":"a"}"#,
        r#"{"x":{"\udc00\ud83d":["\ud83d"]},"id":"a","data":"\ud83d"}"#,
        r#"{"id":"a","data":{"\ud83d":{"id":"b"},"n":1e999}}"#,
        r#"{"\ud83d":1,"\ud83d":2,"\ud83did":3,"id":"a"}"#,
    ] {
        assert_eq!(picked(&["/id", "/data/id"], body), Ok(vec![Some("a".to_owned()), None]), "{body}");
    }
    for body in
        [r#"{"\ud83d":1,"id":"a","id":"b"}"#, r#"{"id":"a","\ud83d":1,"\u0069d":"b"}"#, r#"{"id":"\ud83d"}"#]
    {
        let values = values(&["/id", "/other"], body).unwrap();
        assert!(values.get(0).is_err() && values.get(1).is_ok(), "{body}");
    }
    let escaped = r#"{"\u0069\u0064":"\ud83d\ude00"}"#;
    assert_eq!(one("/id", escaped), Some("\u{1f600}".to_owned()));
    for name in ["\\ud83", "\\x", "\n", "\\", "a\"b"] {
        assert_eq!(picked(&["/id"], &format!(r#"{{"{name}":1,"id":"a"}}"#)), Err(NotJson), "{name}");
    }
}

#[test]
fn an_index_is_written_without_zeros_and_signs() {
    let body = r#"{"a":["x","y"],"b":{"0":"z"}}"#;
    assert_eq!(one("/a/1", body), Some("y".to_owned()));
    assert_eq!(one("/b/0", body), Some("z".to_owned()));
    for pointer in ["/a/01", "/a/+1", "/a/2", "/a/-"] {
        assert_eq!(one(pointer, body), None, "{pointer}");
    }
}

#[test]
fn deep_nesting_is_refused_or_read_but_never_overflows_the_stack() {
    let deep = "[".repeat(200_000);
    for body in [
        format!(r#"{{"id":{deep}"#),
        format!(r#"{{"id":{deep}{}}}"#, "]".repeat(200_000)),
        format!(r#"{{"x":{deep}{},"id":"a"}}"#, "]".repeat(200_000)),
        r#"{"id":"#.repeat(200_000),
    ] {
        drop(picked(&["/id", "/id/id/id"], &body));
    }
    assert_eq!(
        one("/id", &format!(r#"{{"x":{}{},"id":"a"}}"#, "[".repeat(100), "]".repeat(100))),
        Some("a".into())
    );
}

#[test]
fn an_object_in_the_form_in_which_a_parser_passes_numbers_is_no_number() {
    assert_eq!(one("/id", r#"{"id":{"$serde_json::private::Number":"12"}}"#), None);
    assert_eq!(one("/id", r#"{"id":{"$serde_json::private::RawValue":"12"}}"#), None);
}
