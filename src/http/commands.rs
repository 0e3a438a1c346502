//! Commands of callers to risk: whose they are, under which id, and what became of them.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use serde::Serialize;
use tokio::time::timeout;

use super::pipeline::Request;
use super::position::BLOTTER_POSITION;
use super::problem::{Code, FieldError, Problem};
use crate::actors::messages::{
    AskRisk, Asked, CommandFailure, CommandOutcome, CommandResult, RiskCommand, TEXT_CHARS_MAX,
};
use crate::runtime;
use crate::values::{CommandId, Position};

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_CHARS_MAX: usize = 128;
/// The commands that are offered here, as [`kind`] names them.
const KINDS: [&str; 4] = [
    "submit_order",
    "cancel_order",
    "engage_kill_switch",
    "release_kill_switch",
];
/// What may become of a command, as [`outcome_name`] does.
const OUTCOMES: [&str; 6] = [
    "recorded",
    "nothing_to_do",
    "rejected",
    "idempotency_mismatch",
    "unavailable",
    "unknown",
];
/// Longest wait for risk, its rebuilding included.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_secs(15);

/// Asks risk on behalf of the caller. A repeated key with an equal command gives what the first
/// one gave.
pub async fn send(request: &Request, command: RiskCommand) -> Result<CommandOutcome, Problem> {
    let kind = kind(&command);
    let who = request.caller()?.principal.who();
    let asked = match chosen_id(request)? {
        Some(command_id) => Asked::by(who, command_id),
        None => Asked::fresh(who, made_id(request)?),
    };
    let command_id = asked.command_id.clone();
    let ask = AskRisk { asked, command };
    let asked = timeout(ANSWER_WAIT_MAX, request.services.risk.command(ask)).await;
    let outcome = asked.unwrap_or_else(|_| {
        let seconds = ANSWER_WAIT_MAX.as_secs();
        Err(CommandFailure::Unknown(format!(
            "no answer within {seconds} s"
        )))
    });
    count(kind, &outcome);
    outcome.map_err(|failure| problem_of(failure).member_for_retry(&command_id))
}

/// An answer whose facts end at `position`.
pub fn answer(status: StatusCode, position: Position, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((BLOTTER_POSITION, position.get()))
        .json(body)
}

/// What a failed command means to a caller.
pub fn problem_of(failure: CommandFailure) -> Problem {
    match failure {
        CommandFailure::Rejected { code, message } => rejected(code, message),
        CommandFailure::IdempotencyMismatch(_) => Problem::new(
            Code::IdempotencyKeyReused,
            "this Idempotency-Key was used for a different command; choose a new one",
        ),
        CommandFailure::Unavailable(cause) => Problem::new(
            Code::Unavailable,
            "commands cannot be recorded now; nothing was recorded, send the same again",
        )
        .retry_after(1)
        .because(cause),
        CommandFailure::Unknown(cause) => Problem::new(
            Code::OutcomeUnknown,
            "whether the command was recorded is not known; send it again with the same \
             Idempotency-Key to find out",
        )
        .retry_after(1)
        .because(cause),
    }
}

fn rejected(code: &'static str, message: String) -> Problem {
    let of_field = |code: Code, field: &str, allowed: &str| {
        let error = FieldError::new(field, None, &*message, allowed);
        Problem::new(code, &*message).with_errors(vec![error])
    };
    match code {
        "unknown_account" => {
            let allowed = "an account of GET /api/v1/accounts";
            of_field(Code::UnknownAccount, "account", allowed)
        }
        "unknown_venue" => of_field(Code::UnknownVenue, "venue", "a venue named in the detail"),
        "client_order_id_taken" => of_field(
            Code::ClientOrderIdTaken,
            "client_order_id",
            "an id not used before, or none",
        ),
        "no_open_order" => Problem::new(Code::NoOpenOrder, message),
        "unknown_kill_switch_key" => of_field(
            Code::InvalidField,
            "key",
            "an account, strategy, instrument or venue that exists, by its id",
        ),
        "kill_switch_not_engaged" => Problem::new(Code::KillSwitchNotEngaged, message),
        "text_too_long" | "amount_out_of_range" => Problem::new(Code::InvalidField, message),
        // The others are of commands that are not offered here.
        _ => Problem::internal(format!("{code}: {message}")),
    }
}

impl Problem {
    /// Under which key the outcome can be asked for, also when the caller had chosen none.
    fn member_for_retry(self, command_id: &CommandId) -> Self {
        match self.code {
            Code::OutcomeUnknown | Code::Unavailable => self.member("idempotency_key", command_id),
            _ => self,
        }
    }
}

/// For a command whose caller chose no key.
fn made_id(request: &Request) -> Result<CommandId, Problem> {
    let services = &request.services;
    let id = runtime::new_id(&*services.wall, &*services.randomness);
    CommandId::new(&id.to_string()).map_err(Problem::internal)
}

/// From `Idempotency-Key`.
fn chosen_id(request: &Request) -> Result<Option<CommandId>, Problem> {
    let Some(header) = request.http.headers().get(&IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let key = header
        .to_str()
        .ok()
        .filter(|key| (1..=KEY_CHARS_MAX).contains(&key.len()) && visible(key));
    let Some(key) = key else {
        let allowed = "1 to 128 visible ASCII characters";
        let message = "Idempotency-Key is no key";
        let error = FieldError::new("Idempotency-Key", None, message, allowed);
        let detail = format!("{message}; allowed: {allowed}");
        return Err(Problem::new(Code::BadRequest, detail).with_errors(vec![error]));
    };
    // Keys may hold more characters than ids; those get an id that follows from the key.
    let derived = || CommandId::derived(&["idempotency-key", key]);
    Ok(Some(CommandId::new(key).unwrap_or_else(|_| derived())))
}

fn kind(command: &RiskCommand) -> &'static str {
    match command {
        RiskCommand::OpenAccount(_) => "open_account",
        RiskCommand::DepositCash(_) => "deposit_cash",
        RiskCommand::ChangeLimits { .. } => "change_limits",
        RiskCommand::EngageKillSwitch { .. } => "engage_kill_switch",
        RiskCommand::ReleaseKillSwitch { .. } => "release_kill_switch",
        RiskCommand::SubmitOrder(_) => "submit_order",
        RiskCommand::CancelOrder(_) => "cancel_order",
    }
}

fn outcome_name(outcome: &CommandResult) -> &'static str {
    match outcome {
        Ok(CommandOutcome::Recorded(_)) => "recorded",
        Ok(CommandOutcome::NothingToDo) => "nothing_to_do",
        Err(CommandFailure::Rejected { .. }) => "rejected",
        Err(CommandFailure::IdempotencyMismatch(_)) => "idempotency_mismatch",
        Err(CommandFailure::Unavailable(_)) => "unavailable",
        Err(CommandFailure::Unknown(_)) => "unknown",
    }
}

fn count(kind: &'static str, outcome: &CommandResult) {
    let outcome = outcome_name(outcome);
    metrics::counter!("blotter_commands_total", "kind" => kind, "outcome" => outcome).increment(1);
}

/// Shows what has not happened yet: to Prometheus the first time a series is seen is no increase.
pub fn show_zeros() {
    for kind in KINDS {
        for outcome in OUTCOMES {
            metrics::counter!("blotter_commands_total", "kind" => kind, "outcome" => outcome)
                .increment(0);
        }
    }
}

/// Reads a free text of a command.
pub fn free_text(text: &str) -> Result<String, String> {
    let chars = text.chars().count();
    match (text.trim().is_empty(), chars <= TEXT_CHARS_MAX) {
        (true, _) => Err("it is empty".to_owned()),
        (_, false) => Err(format!("it has {chars} characters")),
        _ => Ok(text.to_owned()),
    }
}

/// What [`free_text`] takes.
pub fn free_text_allowed() -> String {
    format!("1 to {TEXT_CHARS_MAX} characters")
}
