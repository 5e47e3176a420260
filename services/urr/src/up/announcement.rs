//! What a person needs to know once everything is up.

use super::{
    Options,
    directory::Directory,
    plan::{self, PortTable, SERVICES},
    settings::Settings,
};

/// The lines before the one that says that all is ready.
pub(crate) fn announcement(
    options: &Options,
    directory: &Directory,
    ports: &PortTable,
    settings: &Settings,
) -> Vec<String> {
    let email = &options.admin_email;
    let inside: Vec<_> = SERVICES
        .iter()
        .filter(|name| **name != "gateway")
        .map(|name| format!("{name} :{}", ports[name]))
        .collect();
    let raised = plan::RAISED.map(|name| format!("{name} is {}", settings.value(name)));
    let rows = [
        ("API", plan::gateway_url(ports) + "/api/v1/events"),
        ("Services", inside.join("  ")),
        (
            "Administrator",
            format!("{email}, password {}", settings.value("ADMIN_PASSWORD")),
        ),
        (
            "Demo fans",
            format!(
                "{}, password {}",
                options.demo_fans,
                settings.value("DEMO_FAN_PASSWORD")
            ),
        ),
        (
            "Rate limits",
            format!(
                "{}, raised: a crowd on one machine is one address",
                raised.join(" and ")
            ),
        ),
        (
            "A crowd",
            format!(
                "urr crowd --env-file {} --fans 200",
                directory.run_env().display()
            ),
        ),
        ("Mails", directory.mails().display().to_string()),
        ("Logs", directory.logs().display().to_string()),
    ];
    let rows = rows
        .into_iter()
        .map(|(title, text)| format!("  {title:14}{text}"));
    std::iter::once(String::new())
        .chain(rows)
        .chain([String::new()])
        .collect()
}
