use crate::few_actions::FewActions;
use orderly::runbooks::{ReportFormat, load_file, render};

#[test]
fn smoke() {
    let text = std::fs::read("tests/samples/valid/everything.yaml").unwrap();
    let loaded = load_file("everything.yaml", &text, &FewActions::new());
    println!("{}", render(&loaded.problems, ReportFormat::Text));
    println!("{:#?}", loaded.documents);
    for file in std::env::args().skip(1) {
        let _ = file;
    }
    assert!(loaded.problems.is_empty());
}
