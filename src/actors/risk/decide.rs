//! Which decider a command goes to, and on which stream its facts are recorded. Pure.

use std::collections::BTreeSet;

use crate::actors::messages::{
    AskRisk, Asked, CommandFailure, Preview, RiskCommand, TEXT_CHARS_MAX,
};
use crate::domain::Decided;
use crate::domain::account::{self, Account, AccountError, SubmitContext, SubmitOrder};
use crate::domain::risk::{self, HaltError, RiskBook};
use crate::events::Event;
use crate::events::catalogue::HaltScope;
use crate::values::{
    AccountId, ClientOrderId, OrderId, Ratio, StreamName, Timestamp, VenueId, Version,
};

/// What risk reckons with.
#[derive(Debug, Clone)]
pub struct RiskSettings {
    /// Charged by the venue on gross; reserved with every buy.
    pub commission_rate: Ratio,
    /// Where orders may be sent.
    pub venues: BTreeSet<VenueId>,
}

/// What to record on which stream.
pub(super) struct Decision {
    pub stream: StreamName,
    pub expected: Version,
    pub events: Vec<Event>,
}

/// Decides a command on `book` as it stands; `None` when it is so already.
pub(super) fn decide(
    book: &RiskBook,
    settings: &RiskSettings,
    now: Timestamp,
    ask: &AskRisk,
) -> Result<Option<Decision>, CommandFailure> {
    check_text(&ask.command)?;
    let (stream, expected, decided) = match &ask.command {
        RiskCommand::OpenAccount(open) => {
            let existing = book.accounts.get(&open.account);
            let decided = account::open_account(existing, book.name_taken(&open.name), open);
            let stream = StreamName::account(&open.account);
            (stream, Version::ZERO, decided.map_err(rejected)?)
        }
        RiskCommand::DepositCash(deposit) => {
            let account = account_of(book, &deposit.account)?;
            on_account(account, account::deposit_cash(account, deposit))?
        }
        RiskCommand::SubmitOrder(submit) => {
            let account = account_of(book, &submit.account)?;
            let desk = Desk {
                book,
                settings,
                now,
            };
            on_account(account, desk.submit_order(&ask.asked, account, submit))?
        }
        RiskCommand::CancelOrder(cancel) => {
            let account = account_of(book, &cancel.account)?;
            on_account(account, account::request_cancel(account, cancel))?
        }
        RiskCommand::ChangeLimits {
            scope,
            limits,
            reason,
        } => {
            let decided = risk::change_limits(&book.limits, scope, limits, reason);
            (scope.stream(), book.limits.version(scope), decided)
        }
        RiskCommand::EngageKillSwitch { scope, cause } => {
            check_scope(book, settings, scope)?;
            let decided = risk::engage_kill_switch(&book.halts, scope, cause);
            (StreamName::halts(), book.halts.version, decided)
        }
        RiskCommand::ReleaseKillSwitch { scope, cause } => {
            let decided = release(book, scope, cause)?;
            (StreamName::halts(), book.halts.version, decided)
        }
    };
    Ok(match decided {
        Decided::AlreadyApplied => None,
        Decided::Events(events) => Some(Decision {
            stream,
            expected,
            events,
        }),
    })
}

/// Judges an order as [`decide`] would, and stops there.
pub(super) fn preview(
    book: &RiskBook,
    settings: &RiskSettings,
    now: Timestamp,
    submit: &SubmitOrder,
) -> Result<Preview, CommandFailure> {
    let account = account_of(book, &submit.account)?;
    let desk = Desk {
        book,
        settings,
        now,
    };
    desk.check_sendable(submit.client_order_id.as_ref(), &submit.venue)
        .map_err(rejected)?;
    let rate = settings.commission_rate;
    let context = book.context(submit, rate, now);
    Ok(Preview {
        assessment: risk::assess(account, &context, submit),
        commission_rate: rate,
        as_of: book.folded_to,
    })
}

fn account_of<'a>(book: &'a RiskBook, id: &AccountId) -> Result<&'a Account, CommandFailure> {
    let account = book.accounts.get(id);
    account.ok_or_else(|| rejected(AccountError::UnknownAccount(id.clone())))
}

fn on_account(
    account: &Account,
    decided: Result<Decided, AccountError>,
) -> Result<(StreamName, Version, Decided), CommandFailure> {
    let stream = StreamName::account(&account.id);
    Ok((stream, account.version, decided.map_err(rejected)?))
}

/// A switch for something that does not exist would stop nothing and look as if it did.
fn check_scope(
    book: &RiskBook,
    settings: &RiskSettings,
    scope: &HaltScope,
) -> Result<(), CommandFailure> {
    let exists = match scope {
        HaltScope::Venue(venue) => settings.venues.contains(venue),
        other => book.can_be_halted(other),
    };
    match exists {
        true => Ok(()),
        false => Err(CommandFailure::Rejected {
            code: "unknown_kill_switch_key",
            message: format!("there is no {scope}; nothing would be halted"),
        }),
    }
}

fn release(book: &RiskBook, scope: &HaltScope, cause: &str) -> Result<Decided, CommandFailure> {
    risk::release_kill_switch(&book.halts, scope, cause).map_err(|error: HaltError| {
        CommandFailure::Rejected {
            code: "kill_switch_not_engaged",
            message: error.to_string(),
        }
    })
}

/// What an order is decided on.
struct Desk<'a> {
    book: &'a RiskBook,
    settings: &'a RiskSettings,
    now: Timestamp,
}

impl Desk<'_> {
    fn submit_order(
        &self,
        asked: &Asked,
        account: &Account,
        submit: &SubmitOrder,
    ) -> Result<Decided, AccountError> {
        let order_id = OrderId::of_command(&asked.who.principal, &asked.command_id);
        let client_order_id = submit.client_order_id(&order_id);
        self.check_sendable(Some(&client_order_id), &submit.venue)?;
        let rate = self.settings.commission_rate;
        let context = SubmitContext {
            order_id,
            risk: self.book.context(submit, rate, self.now),
            decided_at: self.book.folded_to,
        };
        Ok(account::submit_order(account, &context, submit))
    }

    /// Whether the order can be told from others, and there is a venue to send it to.
    fn check_sendable(
        &self,
        client_order_id: Option<&ClientOrderId>,
        venue: &VenueId,
    ) -> Result<(), AccountError> {
        if let Some(taken) = client_order_id.filter(|id| self.book.client_order_id_taken(id)) {
            return Err(AccountError::ClientOrderIdTaken(taken.clone()));
        }
        if !self.settings.venues.contains(venue) {
            let known: Vec<_> = self.settings.venues.iter().map(VenueId::as_str).collect();
            return Err(AccountError::UnknownVenue {
                venue: venue.clone(),
                known: known.join(", "),
            });
        }
        Ok(())
    }
}

/// A text must fit the record many times over: a record that is too large cannot be written.
fn check_text(command: &RiskCommand) -> Result<(), CommandFailure> {
    let chars = command.text().map_or(0, |text| text.chars().count());
    match chars <= TEXT_CHARS_MAX {
        true => Ok(()),
        false => Err(CommandFailure::Rejected {
            code: "text_too_long",
            message: format!(
                "the reason has {chars} characters; at most {TEXT_CHARS_MAX} are allowed"
            ),
        }),
    }
}

fn rejected(error: AccountError) -> CommandFailure {
    CommandFailure::Rejected {
        code: error.code(),
        message: error.to_string(),
    }
}
