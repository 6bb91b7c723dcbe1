//! Packages and builds of programming languages, as tables.

use super::{
    does::Does,
    sheet::{Sheet, table, whole, words},
};

pub(super) const PIP: Sheet = Sheet {
    dry: words!("dry-run"),
    dry_verbs: words!("install"),
    ..Sheet::with_verbs(
        "package",
        table(
            words!(
                "c d e f i r t abi cache-dir cert client-cert config-settings constraint dest editable exists-action extra-index-url find-links format global-option \
                 implementation index-url index install-option log no-binary only-binary path platform prefix progress-bar proxy python python-version report requirement \
                 retries root root-user-action src target timeout trusted-host upgrade-strategy use-feature use-deprecated keyring-provider wheel-dir spec pip-args suffix"
            ),
            words!(
                "I U h l o q u v y V all break-system-packages check-build-dependencies debug disable-pip-version-check dry-run exclude-editable \
                 files force-reinstall help ignore-installed ignore-requires-python include-editable isolated list no-build-isolation no-cache-dir no-clean \
                 no-color no-compile no-deps no-dependencies no-index no-input no-python-version-warning no-warn-conflicts no-warn-script-location not-required outdated pre \
                 prefer-binary quiet require-hashes require-virtualenv strict system-site-packages upgrade uptodate user verbose verify version local yes no-use-pep517 use-pep517 json include-injected short force skip-maintenance global site"
            ),
            &[],
        ),
        &[
            (
                "list show freeze check search index+versions config+list config+get config+debug cache+list cache+dir cache+info debug hash help inspect environment",
                Does::Look,
            ),
            ("install inject", Does::Install("pip uninstall {}")),
            (
                "download wheel lock config+set config+edit config+unset upgrade upgrade-all reinstall reinstall-all ensurepath",
                Does::Install(""),
            ),
            ("run", Does::Fetch),
            (
                "uninstall cache+purge cache+remove uninject uninstall-all",
                Does::Remove,
            ),
        ],
    )
};

pub(super) const NPM: Sheet = Sheet {
    dry: words!("dry-run"),
    dry_verbs: words!("install i ci publish uninstall update audit prune dedupe pack version"),
    ..Sheet::with_verbs(
        "package",
        table(
            words!(
                "C w prefix registry loglevel depth omit include workspace tag otp audit-level cache userconfig globalconfig node-options script-shell filter F dir reporter store-dir access scope"
            ),
            words!(
                "D E O P S g h l s v d p y q a r global help version json long parseable production prod dev only save save-dev save-exact save-optional save-peer save-prod no-save \
                 no-audit no-fund no-progress no-optional no-package-lock package-lock-only silent quiet verbose force f legacy-peer-deps strict-peer-deps ignore-scripts dry-run all \
                 workspaces include-workspace-root prefer-offline offline foreground-scripts if-present yes unicode link frozen-lockfile no-frozen-lockfile recursive latest interactive audit"
            ),
            words!("only"),
        ),
        &[
            (
                "ls list la ll outdated audit view info show v config+list config+get config+ls get search find ping root prefix bin doctor explain why fund help whoami \
                 token+list query diff licenses pack+list cache+verify cache+ls help-search repo docs store+status",
                Does::Look,
            ),
            (
                "install i add in isntall",
                Does::Install("npm uninstall {}; git checkout package.json package-lock.json"),
            ),
            ("ci clean-install install-clean ic", Does::Renew),
            ("version", Does::Sets(0, &Does::Alter)),
            (
                "update up upgrade audit+fix dedupe ddp link ln config+set set rebuild rb pack shrinkwrap store+add edit import patch-commit",
                Does::Alter,
            ),
            (
                "run run-script start restart test t tst install-test it install-ci-test stop deploy",
                Does::Run,
            ),
            ("publish star dist-tag hook", Does::Send),
            ("exec x create init innit dlx", Does::Fetch),
            (
                "uninstall unlink remove rm r un prune cache+clean unpublish deprecate config+delete store+prune",
                Does::Remove,
            ),
            (
                "owner access team token adduser login logout org profile",
                Does::Grant,
            ),
        ],
    )
};

pub(super) const CARGO: Sheet = Sheet {
    dry: words!("dry-run"),
    dry_verbs: words!("publish update"),
    ..Sheet::with_verbs(
        "crate",
        table(
            words!(
                "C F Z j p color config example features git branch tag rev target target-dir manifest-path format-version message-format package bin bench test profile jobs version exclude path root registry index limit depth edges prefix e i invert token"
            ),
            words!(
                "h q v V r f l all all-features all-targets benches bins  tests examples debug frozen help lib locked no-default-features no-fail-fast no-run offline quiet release verbose workspace list force no-track no-deps open check fix allow-dirty allow-staged duplicates d dry-run aggressive  no-dev-deps dev build optional ignore-rust-version keep-going"
            ),
            words!("timings"),
        ),
        &[
            (
                "tree search metadata version locate-project pkgid read-manifest verify-project help info report",
                Does::Look,
            ),
            (
                "build b check c test t run r bench doc d rustc rustdoc clippy nextest audit deny outdated expand",
                Does::Run,
            ),
            (
                "fmt fix update add new init generate-lockfile fetch vendor package",
                Does::Alter,
            ),
            ("install", Does::Install("cargo uninstall {}")),
            ("publish", Does::Send),
            ("uninstall clean remove rm yank", Does::Remove),
            ("login logout owner", Does::Grant),
        ],
    )
};

pub(super) const GO: Sheet = Sheet::with_verbs(
    "package",
    whole(
        words!(
            "C o p asmflags buildmode buildvcs compiler covermode coverpkg coverprofile gcflags gccgoflags installsuffix ldflags mod modfile overlay pgo pkgdir tags toolexec exec vettool run bench benchtime count cpu parallel timeout shuffle cpuprofile memprofile f go require replace  fuzz fuzztime list skip"
        ),
        words!(
            "a n race msan asan v work x linkshared modcacherw trimpath i c json cover short failfast benchmem m u t d fix insecure deps test compiled e export find w  h help version all cmd src r cache testcache modcache fuzzcache s reuse diff changed"
        ),
    ),
    &[
        (
            "version list doc help env mod+graph mod+why mod+verify vet bug  ",
            Does::Look,
        ),
        ("build test generate tool", Does::Run),
        ("run", Does::Run),
        (
            "fmt fix mod+tidy mod+init mod+edit work get",
            Does::Undo("git checkout what it changed"),
        ),
        ("mod+download mod+vendor", Does::Renew),
        (
            "install",
            Does::Install("remove the program that it puts into GOBIN"),
        ),
        ("clean", Does::Remove),
    ],
);

pub(super) const GEM: Sheet = Sheet::with_verbs(
    "package",
    table(
        words!(
            "v i n p P s version install-dir bindir http-proxy source trust-policy platform build-root key host otp"
        ),
        words!(
            "a b d e f h l q r u V x I N local remote both all details versions no-document no-doc no-ri no-rdoc force user-install prerelease pre conservative minimal-deps executables ignore-dependencies help verbose quiet silent backtrace exact installed no-installed names no-user-install"
        ),
        &[],
    ),
    &[
        (
            "list search query info environment env which contents specification spec dependency outdated stale help check  lock ",
            Does::Look,
        ),
        ("install", Does::Install("gem uninstall {}")),
        (
            "update build fetch unpack pristine sources cert rebuild",
            Does::Alter,
        ),
        ("push", Does::Send),
        ("exec", Does::Fetch),
        ("uninstall cleanup yank", Does::Remove),
        ("owner signin signout", Does::Grant),
    ],
);
const BUNDLE: Sheet = Sheet::with_verbs(
    "package",
    table(
        words!("j path gemfile without with jobs retry"),
        words!(
            "h quiet deployment verbose local clean full-index no-cache frozen strict help version parseable"
        ),
        &[],
    ),
    &[
        (
            "list show info outdated check platform doctor help version config licenses",
            Does::Look,
        ),
        ("install package cache", Does::Renew),
        ("update add lock init binstubs", Does::Alter),
        ("exec", Does::Run),
        ("remove clean", Does::Remove),
    ],
);
const COMPOSER: Sheet = Sheet {
    dry: words!("dry-run"),
    ..Sheet::with_verbs(
        "package",
        table(
            words!("d working-dir format"),
            words!(
                "h q v n D i o a vv vvv no-dev optimize-autoloader no-interaction no-scripts no-plugins prefer-dist ignore-platform-reqs no-progress dry-run installed help version ansi no-ansi locked direct tree latest outdated"
            ),
            &[],
        ),
        &[
            (
                "show info outdated diagnose validate licenses depends why prohibits why-not search about list status audit help check-platform-reqs",
                Does::Look,
            ),
            ("install dump-autoload dumpautoload", Does::Renew),
            (
                "update require reinstall self-update selfupdate config bump init archive",
                Does::Alter,
            ),
            ("run-script run exec global create-project", Does::Run),
            ("remove clear-cache clearcache", Does::Remove),
        ],
    )
};
const POETRY: Sheet = Sheet {
    dry: words!("dry-run"),
    ..Sheet::with_verbs(
        "package",
        table(
            words!("C P E G directory project with without only group extras"),
            words!(
                "h q v n V T o t a no-root no-dev no-interaction sync dry-run tree latest outdated all all-extras help version quiet no-update frozen locked no-cache upgrade system"
            ),
            &[],
        ),
        &[
            (
                "show check about env+list env+info search list version help tree export pip+list pip+show pip+freeze python+list cache+dir tool+list pip+check",
                Does::Look,
            ),
            ("install sync", Does::Renew),
            (
                "update add lock build init new self config pip+install pip+sync pip+compile venv python+install tool+install",
                Does::Alter,
            ),
            ("run shell", Does::Run),
            ("publish", Does::Send),
            (
                "remove env+remove cache pip+uninstall tool+uninstall",
                Does::Remove,
            ),
        ],
    )
};
pub(super) const CONDA: Sheet = Sheet {
    dry: words!("d dry-run"),
    ..Sheet::with_verbs(
        "package",
        table(
            words!("c n p f name prefix channel file"),
            words!(
                "d h q v y V a e all envs json yes dry-run quiet verbose override-channels offline force help version no-deps revisions"
            ),
            &[],
        ),
        &[
            (
                "list search info env+list  doctor compare help package notices",
                Does::Look,
            ),
            (
                "install create",
                Does::Install("conda list --revisions; conda install --revision of before"),
            ),
            (
                "update upgrade config env+create env+update env+export init activate deactivate",
                Does::Alter,
            ),
            ("run", Does::Run),
            ("remove uninstall clean env+remove rename", Does::Remove),
        ],
    )
};

/// The sheet of a program for languages.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "bundle" | "bundler" => &BUNDLE,
        "composer" => &COMPOSER,
        "poetry" | "uv" => &POETRY,
        _ => return None,
    })
}
