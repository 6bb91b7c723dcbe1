use super::{HANDBOOK, PLUGINS};

#[test]
fn every_line_of_the_manuals_is_understood() {
    for text in [include_str!("kubectl.book"), include_str!("plugins.book")] {
        assert_eq!(super::Handbook::checked(text).1, Vec::<&str>::new());
    }
    assert!(HANDBOOK.knows("get") && PLUGINS.knows("krew"));
}
