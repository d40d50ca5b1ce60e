//! The answers on the page `docs/from-a-429-to-a-cooldown.md`, and what it says becomes of them.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use rotapool::hints::{Allowance, Reactions, Refill, Verdict};

/// Every block `http`, with the block `text` behind it.
pub(crate) fn examples(page: &str) -> Vec<(&str, &str)> {
    page.split("```http\n")
        .skip(1)
        .map(|rest| {
            let (answer, rest) =
                rest.split_once("\n```\n```text\n").expect("a text behind the answer");
            let (told, _) = rest.split_once("\n```\n").expect("an end of the text");
            (answer, told)
        })
        .collect()
}

/// What becomes of an answer, as the page tells it.
pub(crate) fn tell(answer: &str) -> String {
    let (head, body) = answer.split_once("\n\n").unwrap_or((answer, ""));
    let mut lines = head.lines();
    let status: u16 = lines.next().and_then(|line| line.parse().ok()).expect("a status");
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("its name");
        headers.append(name, HeaderValue::from_str(value).expect("its value"));
    }
    let noon: Timestamp = "2026-11-26T12:00:00Z".parse().expect("a moment");
    let noon = noon.try_into().expect("a moment of this millennium");
    let verdict = Verdict::read(status, &headers, Some(body.as_bytes()), noon);
    let signal = Reactions::default().signal(&verdict);
    let signal = signal.map_or("nothing".to_owned(), |signal| signal.to_string());
    let left = verdict.allowances.iter().map(tell_allowance);
    std::iter::once(signal).chain(left).collect::<Vec<String>>().join("\n")
}

fn tell_allowance(one: &Allowance) -> String {
    let mut parts = Vec::new();
    if let Some(limit) = one.limit {
        parts.push(format!("limit {limit}"));
    }
    if let Some(remaining) = one.remaining {
        parts.push(format!("{remaining} left"));
    }
    if let Some(reset) = one.reset {
        let how = if one.refill == Refill::Gradual { " bit by bit" } else { "" };
        let (hours, minutes) = (reset.as_secs() / 3600, reset.as_secs() / 60 % 60);
        let hours = if hours > 0 { format!("{hours}h ") } else { String::new() };
        let long = reset.as_secs() >= 60;
        let seconds = if long {
            format!("{minutes}m {}s", reset.as_secs() % 60)
        } else {
            format!("{reset:?}")
        };
        parts.push(format!("all back{how} in {hours}{seconds}"));
    }
    format!("{}: {}", one.dimension, parts.join(", "))
}
