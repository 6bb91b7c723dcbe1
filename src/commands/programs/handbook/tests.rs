use super::Handbook;
use crate::commands::word::Word;

const TEXT: &str = "
% place cluster
% namespace default n namespace
* | | v= n= namespace=
app * | | N=
app ls,list | list application | o=
app rm | delete application many dry=dry-run | y yes dry-run
run | own | > i t
ls | = app ls
";

fn page(line: &str) -> (String, Vec<String>, Vec<String>) {
    let book = Handbook::read(TEXT);
    let words: Vec<_> = line
        .split_whitespace()
        .map(|word| Word::Known(word.to_owned()))
        .collect();
    let page = book.page(&words);
    let words = page
        .parsed
        .words
        .iter()
        .map(|word| word.text().to_owned())
        .collect();
    (page.path.to_owned(), words, page.parsed.unknown)
}

#[test]
fn every_line_of_a_text_is_read() {
    assert_eq!(Handbook::checked(TEXT).1, Vec::<&str>::new());
    assert_eq!(
        Handbook::checked("x | frobnicate y").1,
        ["x | frobnicate y"]
    );
}

#[test]
fn a_command_is_found_behind_flags_and_by_its_other_names() {
    let found = |path: &str, words: &[&str]| {
        let words = words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>();
        (path.to_owned(), words, Vec::new())
    };
    assert_eq!(page("-n ls app -N x list -o y z"), found("app ls", &["z"]));
    assert_eq!(page("-nls ls"), found("app ls", &[]));
    assert_eq!(
        page("run -it image rm -f"),
        found("run", &["image", "rm", "-f"])
    );
    assert_eq!(page("-- ls").0, "");
}

#[test]
fn an_unknown_flag_before_a_command_takes_the_next_word() {
    assert_eq!(
        page("--what ls app rm x"),
        (
            "app rm".to_owned(),
            vec!["ls".to_owned(), "x".to_owned()],
            vec!["--what".to_owned()]
        )
    );
}
