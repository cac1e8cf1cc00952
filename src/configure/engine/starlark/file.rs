//! The object that `open` and `config` give.
//!
//! It is a struct of two functions that know the number of the file. A native type of its own would
//! need `unsafe`, which is forbidden here.

use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::Value as Starlark;
use starlark::values::none::NoneType;
use starlark::values::structs::AllocStruct;

use crate::configure::engine::recorder::Opening;

use super::evaluate::{acting, hidden, recorded};

/// Opens a file at the host and gives its object.
pub(super) fn opened<'v>(
    eval: &mut Evaluator<'v, '_, '_>,
    opening: Opening<'_>,
) -> starlark::Result<Starlark<'v>> {
    let number = acting(eval, |recorder, line| recorder.open(line, opening))?;
    let number = eval.heap().alloc(number);
    let partial = hidden("partial")?;
    let write = eval.eval_function(partial, &[hidden("file.write")?, number], &[])?;
    let close = eval.eval_function(partial, &[hidden("file.close")?, number], &[])?;
    Ok(eval
        .heap()
        .alloc(AllocStruct([("write", write), ("close", close)])))
}

/// Adds the functions, under names that no script can write.
pub(super) fn add(builder: &mut GlobalsBuilder) {
    let functions = GlobalsBuilder::new().with(functions).build();
    builder.frozen_heap().add_reference(functions.heap());
    for (name, value) in functions.iter() {
        builder.set(&format!("file.{name}"), value);
    }
}

#[starlark_module]
fn functions(builder: &mut GlobalsBuilder) {
    /// Adds a text to the file. It is on the disk before the script's next action.
    fn write<'v>(
        #[starlark(require = pos)] number: usize,
        #[starlark(require = pos)] text: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        acting(eval, |recorder, line| recorder.write(line, number, text))?;
        Ok(NoneType)
    }

    /// Ends the file. A file that is not closed is complete when the script ends.
    fn close(#[starlark(require = pos)] number: usize) -> starlark::Result<NoneType> {
        recorded(|recorder| recorder.close(number))?;
        Ok(NoneType)
    }
}
