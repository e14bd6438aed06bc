//! The domain's capabilities, one file each.

use crate::capability::module::capabilities;

capabilities! {
    schedule_create: ScheduleCreate,
    schedule_get: ScheduleGet,
    schedule_list: ScheduleList,
    schedule_update: ScheduleUpdate,
    schedule_trigger: ScheduleTrigger,
    schedule_delete: ScheduleDelete,
}
