//! INFO's section on processor time.

use super::page::Page;
use crate::metrics::cpu::CpuTimes;

/// `# CPU`
pub fn cpu(page: &mut Page<'_>) {
    let process = CpuTimes::process().unwrap_or_default();
    let children = CpuTimes::children().unwrap_or_default();
    let main = page.process.statistics.main_thread_times();
    let times = [
        ("used_cpu_sys", process.system_us),
        ("used_cpu_user", process.user_us),
        ("used_cpu_sys_children", children.system_us),
        ("used_cpu_user_children", children.user_us),
        ("used_cpu_sys_main_thread", main.system_us),
        ("used_cpu_user_main_thread", main.user_us),
    ];
    page.title("CPU");
    for (name, us) in times {
        page.field(name, format_args!("{}.{:06}", us / 1_000_000, us % 1_000_000));
    }
}
