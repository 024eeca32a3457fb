#pragma once

#include "application_table.hpp"

#include <coppice/child_spec.hpp>

#include <memory>

namespace coppice::detail {

// The process of an application: it calls the start function, is the supervisor of the tree that
// this gives, and calls the stop function when that is down. OTP: application_master.
//
// It counts as started for its own supervisor at once, so that several can start side by side, and
// tells the controller when its tree is up.
child_spec application_master(std::shared_ptr<application_run> run);

}  // namespace coppice::detail
