#pragma once

#include <coppice/child_spec.hpp>

#include <stdexcept>
#include <string>

// What is said of a spec that breaks a rule; empty if it breaks none.
inline std::string refusal(const coppice::child_spec& spec) {
  try {
    coppice::check_child_specs({&spec, 1});
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return {};
}
