//! Ids, amounts and commands to test with. One account `main` with 10,000 USD, one instrument
//! AAPL at 100.

use blotter::actors::messages::{AskRisk, Asked, CommandOutcome, CommandResult, RiskCommand};
use blotter::domain::account::{CancelOrder, DepositCash, OpenAccount, SubmitOrder};
use blotter::events::catalogue::{HaltScope, LimitScope, RiskLimits};
use blotter::events::{Receipt, Who};
use blotter::values::{
    AccountId, ClientOrderId, CommandId, NodeId, OrderId, OrderTerms, OrderType, Side, Symbol,
    TimeInForce, Timestamp, VenueId,
};
use uuid::Uuid;

pub const LOG_ID: Uuid = Uuid::from_u128(0x1090_1090);

pub fn node() -> NodeId {
    NodeId::new("node-1").expect("a node")
}

pub fn account() -> AccountId {
    AccountId::new("main").expect("an account")
}

pub fn aapl() -> Symbol {
    Symbol::new("AAPL").expect("a symbol")
}

pub fn venue_id() -> VenueId {
    VenueId::new("scripted").expect("a venue")
}

pub fn command_id(text: &str) -> CommandId {
    CommandId::new(text).expect("a command id")
}

/// The order that command `text` makes.
pub fn order_id(text: &str) -> OrderId {
    OrderId::of_command(&Who::system("test").principal, &command_id(text))
}

/// The id that the order of command `text` is sent under.
pub fn sent_as(text: &str) -> ClientOrderId {
    ClientOrderId::of_order(&order_id(text))
}

/// `seconds` after the day the tests play on began.
pub fn at_second(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_700_000_000 + seconds) * 1_000_000).expect("a time")
}

pub fn ask(id: &str, command: RiskCommand) -> AskRisk {
    AskRisk {
        asked: Asked::by(Who::system("test"), command_id(id)),
        command,
    }
}

pub fn order(side: Side, quantity: &str) -> SubmitOrder {
    SubmitOrder {
        account: account(),
        client_order_id: None,
        terms: OrderTerms {
            symbol: aapl(),
            side,
            quantity: quantity.parse().expect("a quantity"),
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Day,
        },
        venue: venue_id(),
        strategy: None,
    }
}

pub fn buy(id: &str, quantity: &str) -> AskRisk {
    ask(id, RiskCommand::SubmitOrder(order(Side::Buy, quantity)))
}

/// Asks to cancel the order of command `of`.
pub fn cancel(id: &str, of: &str) -> AskRisk {
    let cancel = CancelOrder {
        account: account(),
        order_id: order_id(of),
        reason: "changed my mind".to_owned(),
    };
    ask(id, RiskCommand::CancelOrder(cancel))
}

pub fn deposit(id: &str, amount: &str) -> AskRisk {
    let deposit = DepositCash {
        account: account(),
        amount: amount.parse().expect("an amount"),
        reason: "more".to_owned(),
    };
    ask(id, RiskCommand::DepositCash(deposit))
}

pub fn engage(id: &str, scope: HaltScope) -> AskRisk {
    let cause = "test".to_owned();
    ask(id, RiskCommand::EngageKillSwitch { scope, cause })
}

pub fn release(id: &str, scope: HaltScope) -> AskRisk {
    let cause = "test".to_owned();
    ask(id, RiskCommand::ReleaseKillSwitch { scope, cause })
}

/// What every test begins with, apart from instrument and price.
pub fn opening() -> Vec<AskRisk> {
    let open = OpenAccount {
        account: account(),
        name: "main".to_owned(),
        currency: "USD".to_owned(),
    };
    let limits = RiskCommand::ChangeLimits {
        scope: LimitScope::Firm,
        limits: RiskLimits {
            max_order_notional: "1000000".parse().ok(),
            max_position: "100000".parse().ok(),
            price_collar: "0.5".parse().ok(),
            reference_age_seconds_max: Some(86_400),
        },
        reason: "wide".to_owned(),
    };
    vec![
        ask("open", RiskCommand::OpenAccount(open)),
        deposit("fund", "10000"),
        ask("limits", limits),
    ]
}

/// The receipt of a command that was recorded.
#[track_caller]
pub fn receipt(result: &CommandResult) -> Receipt {
    match result {
        Ok(CommandOutcome::Recorded(appended)) => appended.receipt.clone(),
        other => panic!("a receipt was expected, not {other:?}"),
    }
}
