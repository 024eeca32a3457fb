"""What the reference is grouped by: each public header in one group."""

GROUPS = {
    "Processes": ["process", "process_ref", "pid", "process_info", "executor", "init_ack", "task",
                  "operation", "function_call", "controlling_process", "dump"],
    "Supervisors": ["supervisor_spec", "child_spec", "child_policy", "child_start",
                    "restart_backoff", "restart_limit", "start_gate", "supervisor",
                    "supervisor_ref", "child_entry", "supervise", "supervisor_end",
                    "partition_supervisor", "partition_index"],
    "Servers": ["server", "server_ref", "server_call", "call_limit", "call_result", "reply_to",
                "this_server", "server_options", "pending_call", "request_set", "response", "sys",
                "agent"],
    "State across restarts": ["stash", "sqlite_stash", "stash_codec"],
    "Tasks": ["async_task", "task_result", "task_options", "await_many", "async_stream",
              "task_stream", "stream_options", "task_supervisor", "unfinished_tasks"],
    "Mailboxes and messages": ["mailbox", "mailbox_options", "mailbox_counts", "send_after"],
    "Links and monitors": ["link", "exit_signal", "monitor", "down", "exit_reason"],
    "Names and registries": ["name", "registry"],
    "Time and load": ["time_limit", "deadline", "with_deadline", "semaphore", "permit",
                      "watchdog"],
    "Network": ["acceptor", "acceptor_options", "acceptor_ref"],
    "Programs and stopping": ["run", "run_options", "stop_program", "stop_plan"],
    "Applications": ["application", "run_applications", "applications", "application_env",
                     "config_value", "config_type", "toml_configuration"],
    "Reports": ["report", "severity", "report_sink", "report_text", "report_fields", "sum_up",
                "describe", "spdlog_sink"],
    "Errors": ["error"],
    "Tests": ["virtual_clock", "simulation", "simulation_options", "simulation_doctest"],
    "Configuration": ["config", "version"],
}

# What a page says that has no names of its own, or before them.
INTRODUCTIONS = {
    "simulation_doctest": "Including this header tells `coppice::simulate` of doctest: a play has "
                          "failed if an assertion has, the command that plays a seed again names "
                          "the test case, and nothing is printed while a failed play is played "
                          "again with fewer faults. It is included in one source of a program or "
                          "in several, and has no names for users.",
}
