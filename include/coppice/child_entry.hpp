#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/pid.hpp>

#include <any>
#include <cstddef>
#include <string>

namespace coppice {

/// One child, in a listing.
struct child_entry {
  std::string id;        ///< Of dynamic children the label, which need not be unique.
  pid process;           ///< Empty unless it runs.
  bool restarting = false;
  child_type type = child_type::worker;
  std::size_t restarts = 0;  ///< How often it has been restarted so far.
};

/// How many children there are.
struct child_counts {
  std::size_t specs = 0;        ///< Specs known; 1 under simple_one_for_one.
  std::size_t active = 0;       ///< Children with a living process.
  std::size_t supervisors = 0;  ///< Children that are supervisors, alive or not.
  std::size_t workers = 0;      ///< Children that are not, alive or not.
};

/// A child that was started by call.
struct started_child {
  pid process;    ///< Empty if it asked not to be started (`init_ack::ignore`).
  std::any info;  ///< What it said in `init_ack::ready`.
};

}  // namespace coppice
