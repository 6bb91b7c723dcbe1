//! JSON pointers (RFC 6901), by which places in arguments, schemas and objects are named.

use std::borrow::Cow;

/// The place of a key below another place.
pub fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The key that a segment of a pointer stands for.
pub fn key(segment: &str) -> Cow<'_, str> {
    if segment.contains('~') {
        Cow::Owned(segment.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::{below, key};

    #[test]
    fn a_key_stays_one_segment_whatever_is_in_it() {
        let at = below("/metadata", "a/b~1");
        assert_eq!(at, "/metadata/a~1b~01");
        let object = serde_json::json!({ "metadata": { "a/b~1": 7 } });
        assert_eq!(object.pointer(&at), Some(&serde_json::json!(7)));
        assert_eq!(key("a~1b~01"), "a/b~1");
    }
}
