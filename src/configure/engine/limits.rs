//! How much a script may use, and what it may look like before it is parsed.

/// How much one script may use. A script that needs more is stopped.
///
/// Memory is counted by the engine now and then, so one huge step can pass its limit: a process that
/// plans scripts of strangers wants limits of its own besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest script in bytes.
    pub source_bytes: usize,
    /// How deep brackets, and blocks by their indentation, may nest.
    pub nesting: usize,
    /// The longest chain of words and signs between two commas or line ends.
    pub chain: usize,
    /// How many `elif` a script may hold.
    pub elifs: usize,
    /// Calls and rounds of loops.
    pub ticks: u64,
    /// Bytes of the engine's heap.
    pub heap_bytes: usize,
    /// How deep functions may call one another.
    pub call_depth: usize,
    /// How many actions a plan may hold.
    pub actions: usize,
    /// How many bytes all texts of a plan may hold together.
    pub plan_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            source_bytes: 256 * 1024,
            nesting: 100,
            chain: 2_000,
            elifs: 500,
            ticks: 5_000_000,
            heap_bytes: 128 * 1024 * 1024,
            call_depth: 200,
            actions: 10_000,
            plan_bytes: 16 * 1024 * 1024,
        }
    }
}
