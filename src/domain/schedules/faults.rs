//! What can go wrong with schedules.

use crate::kernel::codes::{Code, CodeRow};

/// Nothing would ever be due.
pub(super) static NEVER_DUE: CodeRow = CodeRow::of_caller(
    "schedule_never_due",
    422,
    "Nothing would ever be due: the time lies in the past, the line or rule names days that do not exist, or the calendar is closed whenever it \
     would be due. Write another time, or leave out what does not go together.",
);

/// It would be due too often.
pub(super) static TOO_OFTEN: CodeRow = CodeRow::of_caller(
    "schedule_too_often",
    422,
    "The schedule would be due more often than the configuration allows (schedules.shortest_seconds, as the detail says). Write a longer interval.",
);

/// The tenant has as many as it may.
pub(super) static TOO_MANY_SCHEDULES: CodeRow = CodeRow::of_caller(
    "too_many_schedules",
    409,
    "The tenant has as many schedules as it may (schedules.per_tenant). Delete some that are not needed any more.",
);

/// A run is under way, and the schedule wants no two.
pub(super) static SCHEDULE_BUSY: CodeRow = CodeRow::of_caller(
    "schedule_busy",
    409,
    "A run of the schedule is under way and its overlap policy is 'skip'. Wait until it ends, or change 'overlap' with schedule_update.",
);

/// Every code of the domain.
pub(super) static ALL: &[Code] = &[&NEVER_DUE, &TOO_OFTEN, &TOO_MANY_SCHEDULES, &SCHEDULE_BUSY];
