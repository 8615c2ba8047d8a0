//! The ARN of a topic.

/// The longest name of a topic, with the suffix of a FIFO topic.
const MAX_NAME: usize = 256;

/// Whether a text is the ARN of a topic: `arn:<partition>:sns:<region>:<account>:<name>`.
///
/// Partitions and regions are not listed here, because AWS adds new ones. The ARN of a subscription has one more part.
pub(super) fn is_topic(text: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_partition = |part: &str| !part.is_empty() && part.bytes().all(is_allowed);
    let is_account = |part: &str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split(':').collect::<Vec<_>>()[..] {
        ["arn", partition, "sns", region, account, name] => {
            is_partition(partition) && super::is_region(region) && is_account(account) && is_name(name)
        }
        _ => false,
    }
}

/// CreateTopic in the API reference of Amazon SNS: up to 256 letters, digits, underscores and hyphens, with `.fifo` at the end of
/// a FIFO topic's name.
fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !stem.is_empty() && name.len() <= MAX_NAME && stem.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> String {
        format!("arn:aws:sns:us-west-2:123456789012:{name}")
    }

    #[test]
    fn the_arn_of_a_topic_in_any_partition_is_accepted() {
        for text in [
            "arn:aws:sns:us-west-2:123456789012:MyTopic",
            "arn:aws-cn:sns:cn-north-1:123456789012:a",
            "arn:aws-us-gov:sns:us-gov-west-1:000000000000:orders_2-new",
            "arn:aws-iso-b:sns:us-isob-east-1:123456789012:orders",
            "arn:aws-eusc:sns:eusc-de-east-1:123456789012:orders.fifo",
        ] {
            assert!(is_topic(text), "{text}");
        }
        for name in ["a".repeat(256), format!("{}.fifo", "a".repeat(251))] {
            assert!(is_topic(&named(&name)), "{name}");
        }
    }

    #[test]
    fn a_text_that_is_not_the_arn_of_a_topic_is_refused() {
        for text in [
            "",
            " ",
            "MyTopic",
            "https://sns.us-west-2.amazonaws.com/",
            " arn:aws:sns:us-west-2:123456789012:MyTopic",
            "arn:aws:sns:us-west-2:123456789012:MyTopic ",
            "arn:aws:sns:us-west-2:123456789012:MyTopic\n",
            "\"arn:aws:sns:us-west-2:123456789012:MyTopic\"",
            "ARN:aws:sns:us-west-2:123456789012:MyTopic",
            "arn:aws:SNS:us-west-2:123456789012:MyTopic",
            // A queue, a subscription, and an endpoint of mobile push.
            "arn:aws:sqs:us-west-2:123456789012:MyQueue",
            "arn:aws:sns:us-west-2:123456789012:MyTopic:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55",
            "arn:aws:sns:us-west-2:123456789012:endpoint/GCM/app/2bcfbf39",
            "arn::sns:us-west-2:123456789012:MyTopic",
            "arn: :sns:us-west-2:123456789012:MyTopic",
            "arn:aws:sns::123456789012:MyTopic",
            "arn:aws:sns:us west:123456789012:MyTopic",
            "arn:aws:sns:us-west-2::MyTopic",
            "arn:aws:sns:us-west-2:12345678901:MyTopic",
            "arn:aws:sns:us-west-2:1234567890123:MyTopic",
            "arn:aws:sns:us-west-2:1234-5678-90:MyTopic",
            "arn:aws:sns:us-west-2:123456789012",
            "arn:aws:sns:us-west-2:*:MyTopic",
            // Placeholders, other spellings, and an availability zone.
            "arn:aws:sns:<region>:123456789012:MyTopic",
            "arn:${Partition}:sns:us-west-2:123456789012:MyTopic",
            "arn:aws:sns:*:123456789012:MyTopic",
            "arn:aws:sns:US-WEST-2:123456789012:MyTopic",
            "arn:AWS:sns:us-west-2:123456789012:MyTopic",
            "arn:aws:sns:us-west-2a:123456789012:MyTopic",
        ] {
            assert!(!is_topic(text), "{text}");
        }
        let long = "a".repeat(257);
        let long_fifo = format!("{}.fifo", "a".repeat(252));
        for name in [
            "",
            ".fifo",
            "a.b",
            "a.fifo.fifo",
            "a.FIFO",
            "a b",
            "a*",
            "a\nb",
            "größe",
            "a:",
            &long,
            &long_fifo,
        ] {
            assert!(!is_topic(&named(name)), "{name}");
        }
    }
}
