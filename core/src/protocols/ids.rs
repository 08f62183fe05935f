//! Ids of tool calls, by the rules of whom they are sent to. The same id always becomes the same one, so that a result
//! still names its call; one that was changed ends in a hash of what it was, so that two of them stay two.

use std::borrow::Cow;

use crate::providers::ToolIds;

/// This id as the provider takes it.
pub(super) fn tool_id(id: &str, rule: ToolIds) -> Cow<'_, str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match rule {
        ToolIds::Any => id.into(),
        ToolIds::Short if id.len() <= 40 => id.into(),
        ToolIds::Short => changed(id, |_| true, 40).into(),
        ToolIds::Word if (1..=64).contains(&id.len()) && id.chars().all(is_word) => id.into(),
        ToolIds::Word => changed(id, is_word, 64).into(),
        ToolIds::Nine if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => id.into(),
        ToolIds::Nine => hash(id, 9).into(),
    }
}

/// The beginning of the id, and a hash of all of it.
fn changed(id: &str, allowed: impl Fn(char) -> bool, longest: usize) -> String {
    const HASH: usize = 8;
    let mut new: String = id.chars().map(|c| if allowed(c) && c.is_ascii() { c } else { '_' }).take(longest - HASH - 1).collect();
    new.push('_');
    new + &hash(id, HASH)
}

/// Letters and digits made of an id, the same ones each time (FNV-1a).
fn hash(id: &str, length: usize) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut digit = || {
        let digit = DIGITS[(hash % 36) as usize];
        hash /= 36;
        char::from(digit)
    };
    (0..length).map(|_| digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_rule_and_stay_apart() {
        let ids = [
            "call_1",
            "functions.get:0",
            "functions.get:1",
            "toolu_01ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz",
            "",
            "ä",
        ];
        let allowed = |rule, id: &str| match rule {
            ToolIds::Any => true,
            ToolIds::Nine => id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            ToolIds::Short => id.len() <= 40,
            ToolIds::Word => (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
        };
        for rule in [ToolIds::Any, ToolIds::Nine, ToolIds::Short, ToolIds::Word] {
            let mut made: Vec<_> = ids.iter().map(|id| tool_id(id, rule)).collect();
            assert!(made.iter().all(|id| allowed(rule, id)), "{rule:?}: {made:?}");
            // What fits already is left alone, and so is what was changed before.
            assert!(made.iter().all(|id| tool_id(id, rule) == *id), "{rule:?}: {made:?}");
            made.sort_unstable();
            made.dedup();
            assert_eq!(made.len(), ids.len(), "{rule:?}");
        }
    }
}
