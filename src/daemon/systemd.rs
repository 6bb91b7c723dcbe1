//! What the service manager is told. Without one, nothing is.

/// `Type=notify-reload` wants the time with the word.
pub(super) fn reloading() -> Vec<sd_notify::NotifyState<'static>> {
    let time = sd_notify::NotifyState::monotonic_usec_now().ok();
    std::iter::once(sd_notify::NotifyState::Reloading)
        .chain(time)
        .collect()
}

/// Without systemd this does nothing.
pub(super) fn notify_systemd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {error}");
    }
}
