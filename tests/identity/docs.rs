//! `docs/identity.md` says what the code does.

use blotter::identity::{Permission, Role};

/// The table of roles and permissions as the code has it.
fn table() -> String {
    let names = Role::ALL.map(|role| format!("`{}`", role.name()));
    let mut text = format!("| | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(6));
    for permission in Permission::ALL {
        let may = Role::ALL.map(|role| match role.permissions().contains(&permission) {
            true => "yes",
            false => "",
        });
        text += &format!("| `{permission}` | {} |\n", may.join(" | "));
    }
    text
}

#[test]
fn the_table_of_roles_is_the_one_in_the_code() {
    let page = include_str!("../../docs/identity.md");
    let expected = table();
    assert!(
        page.contains(&expected),
        "docs/identity.md lacks:\n{expected}"
    );
}
