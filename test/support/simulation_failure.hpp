#pragma once

#include <coppice/simulation.hpp>

#include <functional>
#include <string>

// Gives the text of the failure that `simulate` throws; empty if there is none.
inline std::string failure_of(const coppice::simulation_options& o,
                              const std::function<void(coppice::simulation&)>& body) {
  try {
    coppice::simulate(o, body);
  } catch (const coppice::simulation_failed& e) {
    return e.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
