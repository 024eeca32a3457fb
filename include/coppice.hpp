#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/error.hpp>
#include <coppice/executor.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/name.hpp>
#include <coppice/partition_supervisor.hpp>
#include <coppice/pid.hpp>
#include <coppice/process.hpp>
#include <coppice/report.hpp>
#include <coppice/run.hpp>
#include <coppice/supervision.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/virtual_clock.hpp>
