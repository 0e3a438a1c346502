//! A log that has every event that any read model folds.

use blotter::events::catalogue::*;
use blotter::values::*;
use uuid::Uuid;

use crate::log::{Log, held, v};

/// Two accounts trade one instrument; every way that an order can go occurs. `rounds` repeats it
/// with new orders.
pub async fn story(rounds: u64) -> Log {
    let mut log = Log::new().await;
    log.open_account("alpha", "1000").await;
    log.open_account("beta", "2000.50").await;
    log.mark("AAPL", "5").await;
    log.mark("MSFT", "7.25").await;
    log.list("AAPL").await;
    log.list("MSFT").await;
    log.register("sma-1").await;
    let reason = "looks fine".to_owned();
    log.strategy("sma-1", StrategyApproved { reason }).await;
    log.strategy("sma-1", StrategyStarted {}).await;
    for round in 0..rounds {
        play(&mut log, round).await;
    }
    log
}

async fn play(log: &mut Log, round: u64) {
    let name = |order: &str| format!("{order}{round}");
    let first = round * 4;
    let filled = name("filled");
    log.approve("alpha", &filled, first + 1).await;
    log.route("alpha", &filled).await;
    log.acknowledge(&filled).await;
    log.execute("alpha", &filled, 4, "4.9", 4).await;
    log.book("alpha", &filled, 4, "4.9", 4).await;
    log.mark("AAPL", "5.25").await;
    log.execute("alpha", &filled, 6, "5", 10).await;
    log.book("alpha", &filled, 6, "5", 10).await;
    log.refuse("alpha", &name("refused"), first + 2).await;
    log.mark("AAPL", "5.5").await;
    canceled(log, &name("canceled"), first + 1).await;
    doubted(log, &name("doubted"), first + 2).await;
    rejected(log, &name("rejected"), first + 3).await;
    halt(log).await;
    log.mark("AAPL", "6").await;
    log.mark("MSFT", "7").await;
    let reason = "nothing is held".to_owned();
    log.signal("sma-1", "MSFT", SignalAction::None { reason })
        .await;
    let sent = SignalAction::Order {
        command_id: v(&name("command")),
        client_order_id: v(&name("client-filled")),
        quantity: v("10"),
    };
    log.signal("sma-1", "AAPL", sent).await;
    // The day after, and the last day of the round before once more, corrected.
    log.mark_day("MSFT", &format!("2020-01-{:02}", 3 + round), "7.5")
        .await;
    log.mark_day("MSFT", &format!("2020-01-{:02}", 2 + round), "7.4")
        .await;
    if round % 2 == 1 {
        release_halt(log).await;
    }
}

/// A cancel that is turned down, a partial fill, and a cancel that succeeds.
async fn canceled(log: &mut Log, order: &str, ordinal: u64) {
    log.approve("beta", order, ordinal).await;
    log.route("beta", order).await;
    log.acknowledge(order).await;
    let request = EventId(Uuid::nil());
    log.account(
        "beta",
        CancelRequested {
            order_id: v(order),
            reason: "bored".into(),
        },
    )
    .await;
    log.order(
        order,
        CancelPending {
            order_id: v(order),
            request,
        },
    )
    .await;
    let origin = Origin::Venue {
        report: log.report(),
    };
    let reason = "too busy".to_owned();
    log.order(
        order,
        CancelRejected {
            order_id: v(order),
            origin,
            reason,
            request,
        },
    )
    .await;
    log.order(
        order,
        CancelPending {
            order_id: v(order),
            request,
        },
    )
    .await;
    log.execute("beta", order, 3, "5", 3).await;
    log.book("beta", order, 3, "5", 3).await;
    let origin = Origin::Venue {
        report: log.report(),
    };
    log.order(
        order,
        OrderCanceled {
            order_id: v(order),
            account: v("beta"),
            origin,
        },
    )
    .await;
    release(log, order, 35).await;
}

/// In doubt, found, and expired.
async fn doubted(log: &mut Log, order: &str, ordinal: u64) {
    log.approve("beta", order, ordinal).await;
    log.route("beta", order).await;
    log.order(
        order,
        OrderInDoubt {
            order_id: v(order),
            reason: "silence".into(),
        },
    )
    .await;
    log.order(
        order,
        OrderReconciled {
            order_id: v(order),
            finding: Finding::Known,
        },
    )
    .await;
    log.acknowledge(order).await;
    let report = log.report();
    log.order(
        order,
        OrderExpired {
            order_id: v(order),
            account: v("beta"),
            report,
        },
    )
    .await;
    release(log, order, 50).await;
}

async fn rejected(log: &mut Log, order: &str, ordinal: u64) {
    log.approve("beta", order, ordinal).await;
    let rejected = OrderRejected {
        order_id: v(order),
        account: v("beta"),
        origin: Origin::Gateway,
        reason: "approval too old".to_owned(),
    };
    log.order(order, rejected).await;
    release(log, order, 50).await;
}

async fn release(log: &mut Log, order: &str, cash: i64) {
    let released = ReservationReleased {
        order_id: v(order),
        released: held(cash),
        ended_by: EventId(Uuid::nil()),
    };
    log.account("beta", released).await;
}

async fn halt(log: &mut Log) {
    let engaged = KillSwitchEngaged {
        scope: HaltScope::Account(v("beta")),
        mode: HaltMode::Halt,
        cause: "drill".to_owned(),
    };
    log.halts(engaged).await;
}

async fn release_halt(log: &mut Log) {
    let released = KillSwitchReleased {
        scope: HaltScope::Account(v("beta")),
        cause: "drill over".to_owned(),
    };
    log.halts(released).await;
}
