//! Reading an order out of a body.

use utoipa::ToSchema;

use crate::domain::account::SubmitOrder;
use crate::http::input::Input;
use crate::http::pipeline::Request;
use crate::http::problem::Problem;
use crate::http::rows::words::{OrderTypeWord, SideWord, TimeInForceWord};
use crate::values::{
    AccountId, ClientOrderId, OrderTerms, OrderType, Price, Quantity, Side, Symbol, TimeInForce,
    VenueId,
};

/// A new order. Decimals are strings; a whole number may be a JSON number.
#[derive(ToSchema)]
#[schema(example = json!({
    "account": "demo", "symbol": "AAPL", "side": "buy", "quantity": "10",
    "type": "limit", "limit_price": "37.5", "time_in_force": "day"
}))]
#[expect(
    dead_code,
    reason = "its shape is for the document; bodies are read field by field"
)]
pub struct NewOrder {
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    account: String,
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    symbol: String,
    #[schema(inline)]
    side: SideWord,
    /// Above 0, with as many decimals as the instrument has.
    #[schema(pattern = "^[0-9]{1,15}([.][0-9]{1,12})?$")]
    quantity: String,
    #[schema(inline)]
    r#type: OrderTypeWord,
    /// For `limit` only, and needed there.
    #[schema(pattern = "^[0-9]{1,15}([.][0-9]{1,12})?$")]
    limit_price: Option<String>,
    /// `day` is taken when left out.
    #[schema(value_type = TimeInForceWord, required = false)]
    time_in_force: Option<TimeInForceWord>,
    /// Unique within the log; made by the server when left out.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    client_order_id: Option<String>,
    /// Where to send it; the node's own venue when left out.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    venue: Option<String>,
}

const ID: &str = "1 to 128 letters, digits and . _ : -";
const DECIMAL: &str = "a decimal above 0, written as a string";

/// The order in the request's body, or every mistake in it.
pub fn read(request: &Request) -> Result<SubmitOrder, Problem> {
    let mut body = request.body()?;
    let account = body.required("account", ID, AccountId::new);
    let symbol = body.required("symbol", ID, Symbol::new);
    let side = body.required("side", "buy, sell", |text| match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        _ => Err("there is no such side"),
    });
    let quantity = quantity(&mut body);
    let order_type = order_type(&mut body);
    let time_in_force = body.optional("time_in_force", "day, gtc", |text| match text {
        "day" => Ok(TimeInForce::Day),
        "gtc" => Ok(TimeInForce::Gtc),
        _ => Err("there is no such time in force"),
    });
    let client_order_id = body.optional("client_order_id", ID, ClientOrderId::new);
    let venue = body.optional("venue", ID, VenueId::new);
    let order = || {
        Some(SubmitOrder {
            account: account?,
            client_order_id,
            terms: OrderTerms {
                symbol: symbol?,
                side: side?,
                quantity: quantity?,
                order_type: order_type?,
                time_in_force: time_in_force.unwrap_or(TimeInForce::Day),
            },
            venue: venue.unwrap_or_else(|| request.services.default_venue.clone()),
            strategy: None,
        })
    };
    body.made(order())
}

fn quantity(body: &mut Input) -> Option<Quantity> {
    if !body.has("quantity") {
        body.wrong("quantity", None, "quantity is missing", DECIMAL);
        return None;
    }
    body.decimal("quantity", DECIMAL, |text| match text.parse::<Quantity>() {
        Ok(quantity) if quantity.is_positive() => Ok(quantity),
        Ok(_) => Err("quantity must be above 0".to_owned()),
        Err(error) => Err(error.to_string()),
    })
}

/// The type together with the price that it needs or must not have.
fn order_type(body: &mut Input) -> Option<OrderType> {
    let price = body.decimal("limit_price", DECIMAL, |text| match text.parse::<Price>() {
        Ok(price) if price.is_positive() => Ok(price),
        Ok(_) => Err("limit_price must be above 0".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    let is_limit = body.required("type", "market, limit", |text| match text {
        "market" => Ok(false),
        "limit" => Ok(true),
        _ => Err("there is no such type"),
    })?;
    match (is_limit, body.has("limit_price")) {
        (true, false) => {
            body.wrong("limit_price", None, "limit_price is missing", DECIMAL);
            None
        }
        (true, true) => price.map(|limit_price| OrderType::Limit { limit_price }),
        (false, true) => {
            let message = "a market order takes no limit_price";
            body.wrong("limit_price", None, message, "nothing, or type limit");
            None
        }
        (false, false) => Some(OrderType::Market),
    }
}
