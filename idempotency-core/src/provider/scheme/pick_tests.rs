//! The values at a few pointers of many bodies.

use super::*;

fn picked<'a>(pointers: &[&str], body: &'a str) -> Result<Vec<Option<Cow<'a, str>>>, Unreadable> {
    let mut paths = Paths::default();
    for (at, pointer) in pointers.iter().enumerate() {
        assert_eq!(paths.add(&Pointer::parse(pointer).unwrap()), at);
    }
    let values = paths.pick(body.as_bytes())?;
    Ok(values.iter().map(|value| value.name().map(|name| name.into_owned().into())).collect())
}

fn one(pointer: &str, body: &str) -> Option<String> {
    picked(&[pointer], body).unwrap()[0].as_deref().map(ToOwned::to_owned)
}

#[test]
fn texts_and_whole_numbers_are_picked_in_one_pass() {
    let body = r#"{"id":"a\u0062\n","n":820982911946154500,"x":{"id":"no"},"data":{"list":[{"id":1},{"id":"2"}],"a/b":"c"}}"#;
    let values = picked(&["/id", "/n", "/data/list/1/id", "/data/a~1b", "/data/none/id", "/none"], body);
    let text = |text: &'static str| Some(Cow::Borrowed(text));
    assert_eq!(values.unwrap(), [text("ab\n"), text("820982911946154500"), text("2"), text("c"), None, None]);
}

#[test]
fn a_pointer_may_lie_on_the_way_to_another() {
    let body = r#"{"data":{"id":"1"}}"#;
    assert_eq!(picked(&["/data", "/data/id"], body).unwrap(), [None, Some("1".into())]);
    assert_eq!(picked(&["/data", "/data/id"], r#"{"data":"x"}"#).unwrap(), [Some("x".into()), None]);
}

#[test]
fn equal_pointers_have_one_number() {
    let mut paths = Paths::default();
    let pointer = Pointer::parse("/a").unwrap();
    assert_eq!((paths.add(&pointer), paths.add(&pointer)), (0, 0));
    assert!(!paths.is_empty() && Paths::default().is_empty());
}

#[test]
fn a_value_of_another_kind_is_absent() {
    for value in
        ["null", "true", "-1", "1.5", "1e3", "99999999999999999999", "[1,[2]]", r#"{"id":1}"#, r#""""#]
    {
        assert_eq!(one("/id", &format!(r#"{{"id":{value}}}"#)), None, "{value}");
    }
    assert_eq!(one("/id", "[]"), None);
    assert_eq!(one("/id", "1"), None);
}

#[test]
fn a_repeated_member_on_a_picked_path_is_refused_and_elsewhere_it_is_not() {
    for body in [
        r#"{"event":{"id":"a"},"event":{"id":"b"}}"#,
        r#"{"event":{"id":"a","id":"b"}}"#,
        r#"{"event":{"id":"a","\u0069d":"b"}}"#,
        r#"{"event":1,"event":2}"#,
    ] {
        assert_eq!(picked(&["/event/id"], body), Err(Unreadable::Repeated), "{body}");
    }
    assert_eq!(one("/id", r#"{"x":1,"x":2,"y":{"id":1,"id":2},"id":"a"}"#), Some("a".to_owned()));
}

#[test]
fn what_is_not_json_is_told_apart() {
    for body in ["", "{", "{} {}", "Hello World!", r#"{"id":"a"}x"#, r#"{"id":"\ud800"}"#] {
        assert_eq!(picked(&["/id"], body), Err(Unreadable::NotJson), "{body}");
    }
    let mut paths = Paths::default();
    paths.add(&Pointer::parse("/id").unwrap());
    assert_eq!(paths.pick(b"{\"id\":\"\xff\"}").unwrap_err(), Unreadable::NotJson);
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
fn a_number_that_another_parser_passes_as_an_object_is_a_number() {
    assert_eq!(one("/id", r#"{"id":{"$serde_json::private::Number":"12"}}"#), Some("12".to_owned()));
    assert_eq!(one("/id", r#"{"id":{"$serde_json::private::Number":"-1"}}"#), None);
}
