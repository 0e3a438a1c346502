//! Opening, depositing, cancelling, and what a fold refuses.

use crate::domain::account::{Account, FoldError};
use crate::domain::tests::{
    Command, Given, account_id, buy, cancel, deposit, money, open, order_id, release, submit,
};
use crate::events::Event;
use crate::events::catalogue::{AccountOpened, CancelRequested, CashDeposited};
use crate::values::Version;

#[test]
fn an_account_is_opened_once() {
    Given::default()
        .when(open("main", "Main", "USD"))
        .then(AccountOpened {
            account: account_id("main"),
            name: "Main".to_owned(),
            currency: "USD".to_owned(),
        });
    Given::cash("0")
        .when(open("main", "Other", "USD"))
        .then_error("account_exists", "account main exists already");
}

#[test]
fn a_name_is_given_once() {
    let Command::Open(second, _) = open("second", "Main", "USD") else {
        panic!("another command");
    };
    Given::default()
        .when(Command::Open(second, true))
        .then_error(
            "account_name_taken",
            "the account name \"Main\" is taken; names are unique",
        );
}

#[test]
fn a_name_has_1_to_64_characters_that_are_not_all_blank() {
    let longest = "ä".repeat(64);
    let events = Given::default()
        .when(open("main", &longest, "USD"))
        .events();
    assert_eq!(events[0].name(), "AccountOpened");
    for bad in ["".to_owned(), "  \t".to_owned(), "ä".repeat(65)] {
        Given::default().when(open("main", &bad, "USD")).then_error(
            "bad_field",
            &format!("name is {bad:?}; 1 to 64 characters are allowed"),
        );
    }
}

#[test]
fn a_currency_is_three_capital_letters() {
    for bad in ["", "US", "USDT", "usd", "US1", "ÄB"] {
        Given::default().when(open("main", "Main", bad)).then_error(
            "bad_field",
            &format!("currency is {bad:?}; an ISO 4217 code of three capital letters is wanted"),
        );
    }
}

#[test]
fn a_deposit_is_positive_and_in_cents() {
    let account = Given::cash("10");
    account.when(deposit("0.01")).then(CashDeposited {
        amount: money("0.01"),
        reason: "start".to_owned(),
    });
    for bad in ["0", "-1", "1.001"] {
        account.when(deposit(bad)).then_error(
            "bad_field",
            &format!("amount is {bad}; a positive amount with at most 2 decimals is wanted"),
        );
    }
    let account = account.and(deposit("0.01"));
    assert_eq!(account.account().cash, money("10.01"));
    assert_eq!(account.account().deposited, money("10.01"));
}

#[test]
fn only_an_open_order_can_be_cancelled() {
    let account = Given::cash("10000").and(submit("o1", buy("10")));
    account.when(cancel("o1")).then(CancelRequested {
        order_id: order_id("o1"),
        reason: "changed my mind".to_owned(),
    });
    account
        .when(cancel("o2"))
        .then_error("no_open_order", "account main has no open order o2");
    account
        .and(release("o1"))
        .when(cancel("o1"))
        .then_error("no_open_order", "account main has no open order o1");
}

#[test]
fn a_cancel_request_changes_nothing_on_the_account() {
    let before = Given::cash("10000").and(submit("o1", buy("10")));
    let mut expected = before.account().clone();
    let after = before.and(cancel("o1"));
    expected.version = expected.version.next();
    assert_eq!(after.account(), &expected);
}

#[test]
fn facts_before_the_opening_cannot_be_folded() {
    let deposited = Event::from(CashDeposited {
        amount: money("1"),
        reason: String::new(),
    });
    assert_eq!(
        Account::apply(None, Version::new(1), &deposited),
        Err(FoldError::NotOpened {
            event: "CashDeposited"
        })
    );
}

#[test]
fn an_approval_without_its_submission_cannot_be_folded() {
    let decided = Given::cash("10000").when(submit("o1", buy("1"))).events();
    let account = Given::cash("10000").account;
    assert_eq!(
        Account::apply(account.clone(), Version::new(3), &decided[1]),
        Err(FoldError::NotSubmitted(order_id("o1")))
    );
    // Nor one for another order than the one submitted just before.
    let other = Given::cash("10000").when(submit("o2", buy("1"))).events();
    let submitted = Account::apply(account, Version::new(3), &other[0]).expect("folded");
    assert_eq!(
        Account::apply(Some(submitted), Version::new(4), &decided[1]),
        Err(FoldError::NotSubmitted(order_id("o1")))
    );
}
