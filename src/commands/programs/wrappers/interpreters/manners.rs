//! How some interpreters are called.

use super::{Call, Found, Manner, languages, run};

pub(super) fn ruby(call: &Call<'_>, found: &mut Found) {
    run(
        &Manner {
            language: &languages::RUBY,
            code: &["-e"],
            valued: &["-E", "-C"],
            letters: "alnpswvW",
            plain: &[
                "-rjson", "-ryaml", "-rtime", "-rdate", "-rset", "-rdigest", "-rbase64",
            ],
            // `-v` goes on with what else it is given.
            shows: &["--version", "-h", "--help"],
            checks: &["-c"],
        },
        call,
        found,
    );
}

pub(super) fn node(call: &Call<'_>, found: &mut Found) {
    run(
        &Manner {
            language: &languages::SCRIPT,
            code: &["-e", "--eval", "-p", "--print", "-pe"],
            valued: &[],
            letters: "",
            plain: &["--no-warnings", "--trace-warnings", "--use-strict"],
            shows: &["-v", "--version", "-h", "--help", "--v8-options"],
            checks: &["-c", "--check"],
        },
        call,
        found,
    );
}

/// Settings of php that load no code.
const PHP_SETTINGS: [&str; 7] = [
    "memory_limit",
    "display_errors",
    "display_startup_errors",
    "error_reporting",
    "date.timezone",
    "max_execution_time",
    "html_errors",
];

pub(super) fn php(call: &Call<'_>, found: &mut Found) {
    let settings = call.arguments.windows(2);
    let mut settings = settings.filter(|pair| pair[0].text() == "-d");
    if let Some([_, setting]) = settings.find(|pair| {
        let name = pair[1].text().split('=').next().unwrap_or_default();
        !PHP_SETTINGS.contains(&name)
    }) {
        let reason = format!(
            "php: what the setting `{}` loads is not known",
            setting.text()
        );
        found.unknown_code(&call.setting.place, "php", reason);
    }
    run(
        &Manner {
            language: &languages::PHP,
            code: &["-r", "--run"],
            valued: &["-d"],
            letters: "nqC",
            plain: &[],
            shows: &[
                "-v",
                "--version",
                "-i",
                "--info",
                "-m",
                "--modules",
                "--ini",
                "-h",
                "--help",
                "--rf",
                "--re",
            ],
            checks: &["-l", "--syntax-check"],
        },
        call,
        found,
    );
}

pub(super) fn lua(call: &Call<'_>, found: &mut Found) {
    run(
        &Manner {
            language: &languages::LUA,
            code: &["-e"],
            valued: &[],
            letters: "EWv",
            plain: &[],
            shows: &[],
            checks: &[],
        },
        call,
        found,
    );
}

/// Whether the text of `-F`, which perl puts into its own program, is no more than a pattern.
pub(super) fn only_parts(text: &str) -> bool {
    let within = |sign: char| text.strip_prefix(sign)?.strip_suffix(sign);
    let pattern = ['/', '"', '\''].into_iter().find_map(within);
    !pattern
        .unwrap_or(text)
        .contains(['/', '"', '\'', '`', '(', ')', ';', '$', '@', '\0', '\n'])
}
