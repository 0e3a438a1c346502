//! Who may do what: one table from role to permission, and nothing anywhere else.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A role that a user or key acts under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, users and keys included.
    SuperAdmin,
    /// Runs the trading floor: orders of everyone, kill switches, operations.
    TradingAdmin,
    /// Stops and releases, cancels, audits; does not trade.
    RiskOfficer,
    /// Trades; may stop but not release.
    Trader,
    /// Sees everything, changes nothing.
    Auditor,
    /// Sees the market and the books, not the audit trail.
    Observer,
}

/// One thing that can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    #[serde(rename = "orders.read")]
    OrdersRead,
    #[serde(rename = "orders.submit")]
    OrdersSubmit,
    #[serde(rename = "orders.cancel")]
    OrdersCancel,
    /// Accounts, positions, executions, equity.
    #[serde(rename = "accounts.read")]
    AccountsRead,
    /// Instruments and candles.
    #[serde(rename = "market.read")]
    MarketRead,
    /// Strategies and their signals.
    #[serde(rename = "strategies.read")]
    StrategiesRead,
    #[serde(rename = "kill_switches.read")]
    KillSwitchesRead,
    #[serde(rename = "kill_switches.engage")]
    KillSwitchesEngage,
    #[serde(rename = "kill_switches.release")]
    KillSwitchesRelease,
    #[serde(rename = "audit.read")]
    AuditRead,
    #[serde(rename = "ops.read")]
    OpsRead,
    #[serde(rename = "users.manage")]
    UsersManage,
    #[serde(rename = "keys.manage")]
    KeysManage,
}

/// What every role that may look at the books may look at.
const BOOKS: [Permission; 5] = [
    Permission::OrdersRead,
    Permission::AccountsRead,
    Permission::MarketRead,
    Permission::StrategiesRead,
    Permission::KillSwitchesRead,
];

impl Role {
    pub const ALL: [Role; 6] = [
        Role::SuperAdmin,
        Role::TradingAdmin,
        Role::RiskOfficer,
        Role::Trader,
        Role::Auditor,
        Role::Observer,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Role::SuperAdmin => "super_admin",
            Role::TradingAdmin => "trading_admin",
            Role::RiskOfficer => "risk_officer",
            Role::Trader => "trader",
            Role::Auditor => "auditor",
            Role::Observer => "observer",
        }
    }

    /// The table.
    pub fn permissions(self) -> BTreeSet<Permission> {
        use Permission::*;
        let more: &[Permission] = match self {
            Role::SuperAdmin => &Permission::ALL,
            Role::TradingAdmin => &[
                OrdersSubmit,
                OrdersCancel,
                KillSwitchesEngage,
                KillSwitchesRelease,
                OpsRead,
            ],
            Role::RiskOfficer => &[
                OrdersCancel,
                KillSwitchesEngage,
                KillSwitchesRelease,
                AuditRead,
                OpsRead,
            ],
            Role::Trader => &[OrdersSubmit, OrdersCancel, KillSwitchesEngage],
            Role::Auditor => &[AuditRead, OpsRead],
            Role::Observer => &[],
        };
        BOOKS.iter().chain(more).copied().collect()
    }
}

impl Permission {
    pub const ALL: [Permission; 13] = [
        Permission::OrdersRead,
        Permission::OrdersSubmit,
        Permission::OrdersCancel,
        Permission::AccountsRead,
        Permission::MarketRead,
        Permission::StrategiesRead,
        Permission::KillSwitchesRead,
        Permission::KillSwitchesEngage,
        Permission::KillSwitchesRelease,
        Permission::AuditRead,
        Permission::OpsRead,
        Permission::UsersManage,
        Permission::KeysManage,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Permission::OrdersRead => "orders.read",
            Permission::OrdersSubmit => "orders.submit",
            Permission::OrdersCancel => "orders.cancel",
            Permission::AccountsRead => "accounts.read",
            Permission::MarketRead => "market.read",
            Permission::StrategiesRead => "strategies.read",
            Permission::KillSwitchesRead => "kill_switches.read",
            Permission::KillSwitchesEngage => "kill_switches.engage",
            Permission::KillSwitchesRelease => "kill_switches.release",
            Permission::AuditRead => "audit.read",
            Permission::OpsRead => "ops.read",
            Permission::UsersManage => "users.manage",
            Permission::KeysManage => "keys.manage",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A role that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role; allowed: {names}", names = role_names())]
pub struct UnknownRole(String);

/// A permission that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no permission; allowed: {names}", names = permission_names())]
pub struct UnknownPermission(String);

/// All permissions, for people.
pub fn permission_names() -> String {
    Permission::ALL.map(Permission::name).join(", ")
}

/// All roles, for people.
pub fn role_names() -> String {
    Role::ALL.map(Role::name).join(", ")
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = Role::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let mut all = Permission::ALL.into_iter();
        let found = all.find(|permission| permission.name() == text);
        found.ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_are_the_names_in_the_table() {
        for permission in Permission::ALL {
            let wire = serde_json::to_value(permission).expect("a word");
            assert_eq!(wire, permission.name());
        }
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).expect("a word"), role.name());
            assert_eq!(role.name().parse(), Ok(role));
        }
    }

    #[test]
    fn those_who_only_look_change_nothing() {
        let changes = [
            Permission::OrdersSubmit,
            Permission::OrdersCancel,
            Permission::KillSwitchesEngage,
            Permission::KillSwitchesRelease,
            Permission::UsersManage,
            Permission::KeysManage,
        ];
        for role in [Role::Auditor, Role::Observer] {
            for change in changes {
                assert!(!role.permissions().contains(&change), "{role} {change}");
            }
        }
    }
}
