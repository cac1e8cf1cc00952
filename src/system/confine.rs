//! A process that lowers its own limits before it takes work from strangers, and can end itself.
//!
//! What is lowered here stays so for the life of the process and cannot be raised again without
//! privileges. Nothing here starts a process or a thread.

use std::io;
use std::time::Duration;

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use rustix::time::{ClockId, clock_gettime};

/// Lowers what this process may use: `memory_bytes` of address space, no more files or sockets than it
/// holds, no byte written to a file, no memory image when it crashes, no privileges from programs that
/// it would start. It ends with the thread that started it.
///
/// How many processes the user may have is left as it is: threads count as processes there, those of
/// other programs too.
///
/// # Errors
/// The system's refusal.
pub fn confine_this_process(memory_bytes: u64) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    lower(Resource::Core, 0)?;
    lower(Resource::Fsize, 0)?;
    lower(Resource::Nofile, 0)?;
    lower(Resource::As, memory_bytes)
}

/// Lets this process use `more` processor time, in whole seconds, from now on; past that it is killed.
///
/// # Errors
/// The system's refusal.
pub fn allow_processor_time(more: Duration) -> io::Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
    let limit = u64::try_from(used).unwrap_or(0) + more.as_secs() + 1;
    let mut now = getrlimit(Resource::Cpu);
    now.current = Some(now.maximum.map_or(limit, |most| limit.min(most)));
    Ok(setrlimit(Resource::Cpu, now)?)
}

/// Ends this process at once, whatever its other threads do.
pub fn end_this_process(code: u8) -> ! {
    std::process::exit(i32::from(code))
}

fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum;
    let limit = Some(most.map_or(limit, |most| limit.min(most)));
    let both = Rlimit {
        current: limit,
        maximum: limit,
    };
    Ok(setrlimit(resource, both)?)
}
