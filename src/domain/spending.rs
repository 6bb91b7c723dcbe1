//! What the AI reviewer may spend in a month, and what it has spent.
//!
//! Money is kept in whole billionths of a dollar, and is always rounded up. A month is one of UTC, and never goes back: a clock that
//! is set back does not open a month anew.

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Tokens of one call, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// What was read.
    pub input_tokens: u64,
    /// What was written, thinking included.
    pub output_tokens: u64,
}

/// No call has more tokens than this, whatever a provider says.
const MOST_TOKENS: u64 = 1_000_000_000;

impl Usage {
    /// As a provider reports it, within reason.
    pub fn reported(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            input_tokens: input_tokens.min(MOST_TOKENS),
            output_tokens: output_tokens.min(MOST_TOKENS),
        }
    }
    /// Both together.
    pub fn total(self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// Money, in billionths of a US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cost(u64);

impl Cost {
    /// From billionths of a dollar.
    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
    /// From dollars; nothing where the number is negative, endless or more than a billion.
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        scaled(dollars, 1e9).map(Self)
    }
    /// In billionths of a dollar.
    pub fn nanos(self) -> u64 {
        self.0
    }
    /// In dollars, for metrics.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a metric needs no more than 53 bits"
    )]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Display for Cost {
    /// To the hundredth of a cent, rounded up, so that something is never shown as nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.div_ceil(100_000);
        let (whole, rest) = (parts / 10_000, parts % 10_000);
        if rest % 100 == 0 {
            return write!(f, "${whole}.{:02}", rest / 100);
        }
        write!(f, "${whole}.{rest:04}")
    }
}

/// A number times a factor as a whole number; nothing where it is negative, not a number, or more than a billion.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked: between 0 and 10^18"
)]
fn scaled(number: f64, factor: f64) -> Option<u64> {
    (0.0..=1e9)
        .contains(&number)
        .then(|| (number * factor).round() as u64)
}

/// What a model costs, in millionths of a dollar for a million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    input: u64,
    output: u64,
}

impl Price {
    /// From dollars for a million tokens; nothing where one of both is negative, no number, or more than ten thousand.
    pub fn per_million(input: f64, output: f64) -> Option<Self> {
        let part = |dollars: f64| scaled(dollars, 1e6).filter(|_| dollars <= 10_000.0);
        Some(Self {
            input: part(input)?,
            output: part(output)?,
        })
    }

    /// What so many tokens cost.
    pub fn of(self, usage: Usage) -> Cost {
        let micros = u128::from(usage.input_tokens) * u128::from(self.input)
            + u128::from(usage.output_tokens) * u128::from(self.output);
        Cost(u64::try_from(micros.div_ceil(1000)).unwrap_or(u64::MAX))
    }
}

/// A month of UTC, as in `2026-11`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month that an instant lies in.
    pub fn of(at: Timestamp) -> Self {
        let date = at.to_zoned(TimeZone::UTC).date();
        Self {
            year: date.year(),
            month: date.month(),
        }
    }
    /// The month to count in now, when something was counted in `latest` already: a month that is over stays over.
    #[must_use]
    pub fn not_before(self, latest: Option<Self>) -> Self {
        latest.map_or(self, |latest| latest.max(self))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}
impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month: want four digits, `-` and two digits")]
pub struct InvalidMonth;

impl FromStr for Month {
    type Err = InvalidMonth;
    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let (year, month) = text.split_once('-').ok_or(InvalidMonth)?;
        let month: i8 = month.parse().map_err(|_| InvalidMonth)?;
        let year = year.parse().map_err(|_| InvalidMonth)?;
        if !(1..=12).contains(&month) || text.len() != 7 {
            return Err(InvalidMonth);
        }
        Ok(Self { year, month })
    }
}

/// What was spent, or is about to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// Tokens, read and written.
    pub tokens: u64,
    /// Money.
    pub cost: Cost,
}

impl Spending {
    /// What these tokens are at this price.
    pub fn of(usage: Usage, price: Price) -> Self {
        Self {
            tokens: usage.total(),
            cost: price.of(usage),
        }
    }
    fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            cost: Cost(self.cost.0.saturating_add(other.cost.0)),
        }
    }
}

/// What may be spent in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Both limits.
    pub limit: Spending,
    /// From this part of a limit on, it warns.
    pub warn_percent: u8,
    /// One runbook gets no more than this part of a limit, so that none can use up what the others need.
    pub share_percent: u8,
}

/// How a month stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetState {
    /// There is enough.
    Ok,
    /// It is nearly used up.
    Warn,
    /// It is used up: nobody is asked any more this month.
    Spent,
}

impl BudgetState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Warn, Self::Spent];
    /// The word used in logs and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Spent => "spent",
        }
    }
}

/// Which limit a call would break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Overrun {
    /// The month's tokens.
    #[error("the month's {limit} tokens for AI would be used up ({used} are)")]
    Tokens {
        /// Used so far.
        used: u64,
        /// The limit.
        limit: u64,
    },
    /// The month's money.
    #[error("the month's {limit} for AI would be used up ({used} are)")]
    Cost {
        /// Used so far.
        used: Cost,
        /// The limit.
        limit: Cost,
    },
    /// The runbook's part of the month's budget.
    #[error("the runbook's {percent} % of the month's budget for AI would be used up")]
    Share {
        /// Its part.
        percent: u8,
    },
}

impl Budget {
    /// Whether a call that may spend `worst` fits, when `total` is spent already, `own` of it for the same runbook.
    ///
    /// # Errors
    /// The limit that it would break.
    pub fn admit(&self, total: Spending, own: Spending, worst: Spending) -> Result<(), Overrun> {
        let then = total.plus(worst);
        if then.tokens > self.limit.tokens {
            return Err(Overrun::Tokens {
                used: total.tokens,
                limit: self.limit.tokens,
            });
        }
        if then.cost > self.limit.cost {
            return Err(Overrun::Cost {
                used: total.cost,
                limit: self.limit.cost,
            });
        }
        if reaches(own.plus(worst), self.limit, self.share_percent, u128::gt) {
            return Err(Overrun::Share {
                percent: self.share_percent,
            });
        }
        Ok(())
    }

    /// How a month stands in which so much is spent.
    pub fn state(&self, total: Spending) -> BudgetState {
        if reaches(total, self.limit, 100, u128::ge) {
            return BudgetState::Spent;
        }
        if reaches(total, self.limit, self.warn_percent, u128::ge) {
            return BudgetState::Warn;
        }
        BudgetState::Ok
    }
}

/// Whether either part of what is spent is greater (or equal, as `than` has it) than so many percent of its limit. Nothing spent is
/// within every limit: a model that costs nothing keeps within no dollars at all.
fn reaches(spent: Spending, limit: Spending, percent: u8, than: fn(&u128, &u128) -> bool) -> bool {
    let part = |spent: u64, limit: u64| {
        spent > 0
            && than(
                &(u128::from(spent) * 100),
                &(u128::from(limit) * u128::from(percent)),
            )
    };
    part(spent.tokens, limit.tokens) || part(spent.cost.0, limit.cost.0)
}

#[cfg(test)]
mod tests {
    use super::{Budget, BudgetState, Cost, Month, Overrun, Price, Spending, Usage};
    use proptest::prelude::*;

    fn spending(tokens: u64, dollars: f64) -> Spending {
        Spending {
            tokens,
            cost: Cost::from_dollars(dollars).unwrap(),
        }
    }

    fn budget() -> Budget {
        Budget {
            limit: spending(1000, 10.0),
            warn_percent: 75,
            share_percent: 50,
        }
    }

    #[test]
    fn a_call_costs_what_its_tokens_cost_and_never_less() {
        let price = Price::per_million(3.0, 15.0).unwrap();
        let usage = Usage {
            input_tokens: 1000,
            output_tokens: 100,
        };
        assert_eq!(price.of(usage).nanos(), 4_500_000);
        assert_eq!(price.of(usage).to_string(), "$0.0045");
        let odd = Price::per_million(0.0375, 0.0).unwrap();
        let one = Usage {
            input_tokens: 1,
            output_tokens: 0,
        };
        assert_eq!(odd.of(one).nanos(), 38);
        assert_eq!(odd.of(one).to_string(), "$0.0001");
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(Price::per_million(wrong, 1.0), None, "{wrong}");
            assert_eq!(Cost::from_dollars(wrong), None, "{wrong}");
        }
        assert_eq!(Cost::from_dollars(5000.0).unwrap().to_string(), "$5000.00");
    }

    #[test]
    fn a_month_is_one_of_utc_and_never_goes_back() {
        let last = "2026-11-30T23:59:59Z".parse().unwrap();
        let first = "2026-12-01T00:00:00Z".parse().unwrap();
        let (november, december) = (Month::of(last), Month::of(first));
        assert_eq!(november.to_string(), "2026-11");
        assert_eq!("2026-12".parse(), Ok(december));
        assert_eq!(november.not_before(Some(december)), december);
        assert_eq!(december.not_before(Some(november)), december);
        assert_eq!(november.not_before(None), november);
        for wrong in ["2026-13", "2026-1", "x", "2026-00", "-2026-1"] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_call_that_might_break_a_limit_is_not_made() {
        let none = Spending::default();
        let admit = |total, worst| budget().admit(total, none, worst);
        assert_eq!(admit(spending(900, 1.0), spending(100, 0.1)), Ok(()));
        assert!(matches!(
            admit(spending(901, 1.0), spending(100, 0.1)),
            Err(Overrun::Tokens { used: 901, .. })
        ));
        assert!(matches!(
            admit(spending(1, 9.95), spending(1, 0.1)),
            Err(Overrun::Cost { .. })
        ));
    }

    #[test]
    fn one_runbook_cannot_use_up_the_budget_of_all() {
        let own = spending(450, 0.0);
        let refused = budget().admit(own, own, spending(60, 0.0)).unwrap_err();
        assert_eq!(refused, Overrun::Share { percent: 50 });
        assert_eq!(
            budget().admit(own, Spending::default(), spending(60, 0.0)),
            Ok(())
        );
    }

    #[test]
    fn a_month_warns_before_it_is_spent() {
        let state = |tokens, dollars| budget().state(spending(tokens, dollars));
        assert_eq!(state(749, 0.0), BudgetState::Ok);
        assert_eq!(state(750, 0.0), BudgetState::Warn);
        assert_eq!(state(0, 7.5), BudgetState::Warn);
        assert_eq!(state(1000, 0.0), BudgetState::Spent);
        assert_eq!(state(0, 10.0), BudgetState::Spent);
    }

    #[test]
    fn a_model_that_costs_nothing_keeps_within_no_dollars() {
        let free = Budget {
            limit: spending(1000, 0.0),
            ..budget()
        };
        let worst = spending(10, 0.0);
        assert_eq!(free.admit(worst, worst, worst), Ok(()));
        assert_eq!(free.state(worst), BudgetState::Ok);
    }

    proptest! {
        #[test]
        fn what_is_admitted_keeps_within_the_limits(total in 0u64..2000, own in 0u64..2000, worst in 0u64..2000) {
            let of = |tokens| spending(tokens, 0.0);
            if budget().admit(of(total), of(own), of(worst)).is_ok() {
                prop_assert!(total + worst <= 1000);
                prop_assert!(worst + own == 0 || own + worst <= 500);
            }
        }
        #[test]
        fn more_tokens_never_cost_less(one in 0u64..1_000_000, more in 0u64..1_000_000, price in 0.0f64..100.0) {
            let price = Price::per_million(price, price).unwrap();
            let usage = |input_tokens| Usage { input_tokens, output_tokens: 0 };
            prop_assert!(price.of(usage(one + more)) >= price.of(usage(one)));
        }
    }
}
