//! What a demonstration starts with: one funded account, limits wide enough not to bind, the
//! instruments of the data, one approved strategy. Every step is a command with a derived id, so
//! setting up again changes nothing.

use std::time::Duration;

use tokio::time::sleep;

use crate::actors::messages::{
    AskRisk, AskStrategy, Asked, CommandFailure, RiskCommand, StrategyCommand,
};
use crate::actors::port::{Port, PortError};
use crate::actors::risk_gateway::RiskGateway;
use crate::domain::account::{DepositCash, OpenAccount};
use crate::domain::strategy::RegisterStrategy;
use crate::events::catalogue::{InstrumentListed, LimitScope, RiskLimits, StrategyRule};
use crate::events::commit::CommitError;
use crate::events::{Commit, Meta, Who, Writer};
use crate::runtime::Runtime;
use crate::values::{
    AccountId, AmountError, CommandId, IdError, Instrument, InstrumentKind, StrategyId, StreamName,
    Symbol, Timestamp, VenueId, Version,
};

/// How often a step whose outcome got lost is taken again.
const ATTEMPTS_MAX: u32 = 8;
const RETRY_PAUSE: Duration = Duration::from_millis(25);
/// Decimals of a price in US equity data after adjustment.
const PRICE_DECIMALS: u32 = 4;

/// Who and what the demonstration is.
#[derive(Debug, Clone)]
pub struct DemoSetup {
    pub account: AccountId,
    pub strategy: StrategyId,
    pub venue: VenueId,
    pub symbols: Vec<Symbol>,
}

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("setting up: {0}")]
    Command(#[from] CommandFailure),
    #[error("setting up: {0}")]
    Port(#[from] PortError),
    #[error("setting up: {0}")]
    Commit(#[from] CommitError),
    #[error("setting up: {0}")]
    Id(#[from] IdError),
    #[error("setting up: {0}")]
    Amount(#[from] AmountError),
}

impl DemoSetup {
    /// The demonstration over `symbols` at `venue`.
    pub fn new(venue: VenueId, symbols: Vec<Symbol>) -> Result<Self, IdError> {
        Ok(Self {
            account: AccountId::new("demo")?,
            strategy: StrategyId::new("sma-cross-1")?,
            venue,
            symbols,
        })
    }

    /// Lists the instruments. `listed`: those that are in the log already. `at`: business time.
    pub async fn list_instruments(
        &self,
        writer: &Writer,
        listed: &dyn Fn(&Symbol) -> bool,
        at: Timestamp,
    ) -> Result<(), SetupError> {
        for symbol in self.symbols.iter().filter(|symbol| !listed(symbol)) {
            let asked = ask("list", symbol.as_str(), "system:instruments");
            let instrument = Instrument {
                symbol: symbol.clone(),
                kind: InstrumentKind::Equity,
                currency: "USD".to_owned(),
                price_decimals: PRICE_DECIMALS,
                quantity_decimals: 0,
            };
            let meta: Meta = asked.at(at);
            let stream = StreamName::instrument(symbol);
            let events = vec![InstrumentListed { instrument }.into()];
            let commit = Commit::new(&("list", symbol), stream, Version::ZERO, meta, events)
                .map_err(|error| CommitError::Invalid(error.to_string()))?;
            writer.submit(commit).await?;
        }
        Ok(())
    }

    /// Opens and funds the account and sets the firm's limits.
    pub async fn open_account(&self, risk: &RiskGateway) -> Result<(), SetupError> {
        let steps = [
            RiskCommand::OpenAccount(OpenAccount {
                account: self.account.clone(),
                name: "demo".to_owned(),
                currency: "USD".to_owned(),
            }),
            RiskCommand::DepositCash(DepositCash {
                account: self.account.clone(),
                amount: "100000".parse()?,
                reason: "opening balance of the demonstration".to_owned(),
            }),
            RiskCommand::ChangeLimits {
                scope: LimitScope::Firm,
                limits: RiskLimits {
                    max_order_notional: Some("100000000".parse()?),
                    max_position: Some("100000000".parse()?),
                    price_collar: Some("0.5".parse()?),
                    reference_age_seconds_max: Some(7 * 24 * 3_600),
                },
                reason: "wide limits of the demonstration".to_owned(),
            },
        ];
        for (index, command) in steps.into_iter().enumerate() {
            let asked = ask("account", &index.to_string(), "system:setup");
            risk.command(AskRisk { asked, command }).await?;
        }
        Ok(())
    }

    /// Registers, approves and starts the strategy.
    pub async fn start_strategy(
        &self,
        strategy: &Port<AskStrategy>,
        runtime: &Runtime,
    ) -> Result<(), SetupError> {
        let steps = [
            StrategyCommand::Register(RegisterStrategy {
                strategy: self.strategy.clone(),
                name: "sma-cross".to_owned(),
                rule: StrategyRule::SmaCross {
                    fast_bars: 10,
                    slow_bars: 30,
                    equity_fraction: "0.25".parse()?,
                },
                account: self.account.clone(),
                venue: self.venue.clone(),
                symbols: self.symbols.clone(),
            }),
            StrategyCommand::Approve {
                reason: "approved for the demonstration".to_owned(),
            },
            StrategyCommand::Start,
        ];
        for (index, command) in steps.into_iter().enumerate() {
            let asked = ask("strategy", &index.to_string(), "system:setup");
            let message = AskStrategy { asked, command };
            let mut attempt = 1;
            // Lost with an actor that was rebuilt: the same again is carried out once.
            while let Err(failure) = strategy.ask(message.clone()).await? {
                if !matches!(failure, CommandFailure::Unknown(_)) || attempt == ATTEMPTS_MAX {
                    return Err(failure.into());
                }
                attempt += 1;
                sleep(runtime.jittered(RETRY_PAUSE)).await;
            }
        }
        Ok(())
    }
}

fn ask(step: &str, name: &str, principal: &str) -> Asked {
    let who = Who {
        principal: principal.to_owned(),
        human: None,
        roles: Vec::new(),
    };
    Asked::by(who, CommandId::derived(&["demo", step, name]))
}
