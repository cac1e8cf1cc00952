//! `range`, with an end: one huge range handed to `list`, `sorted` or `max` is work and memory that
//! the engine does not count.

use starlark::environment::{Globals, GlobalsBuilder};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::Value as Starlark;
use starlark::values::tuple::UnpackTuple;

use crate::configure::engine::error::Limit;
use crate::configure::engine::stop::Stop;

use super::evaluate::{hidden, stop};

/// The longest range.
const LONGEST: i32 = 1_000_000;

/// Puts our `range` in place of the engine's, which it calls.
pub(super) fn add(builder: &mut GlobalsBuilder) {
    let standard = Globals::standard();
    builder.frozen_heap().add_reference(standard.heap());
    if let Some((_, own)) = standard.iter().find(|(name, _)| *name == "range") {
        builder.set("engine.range", own);
    }
    functions(builder);
}

#[starlark_module]
fn functions(builder: &mut GlobalsBuilder) {
    /// Gives the whole numbers from a start (0) up to an end, in steps; at most a million of them.
    fn range<'v>(
        #[starlark(args)] args: UnpackTuple<Starlark<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        let range = eval.eval_function(hidden("engine.range")?, &args.items, &[])?;
        // A length that is no 32-bit number is an error of the engine's.
        if range.length().is_ok_and(|length| length <= LONGEST) {
            return Ok(range);
        }
        stop(Stop::Limit(Limit::Value(format!(
            "a range of more than {LONGEST} numbers"
        ))))
    }
}
