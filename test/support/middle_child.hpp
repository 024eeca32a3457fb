#pragma once

#include "scripted.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

// In how many of the reports the text is.
inline auto times_told(const std::vector<std::string>& reports, std::string_view text) {
  return std::count_if(reports.begin(), reports.end(), [text](const std::string& r) {
    return r.find(text) != std::string::npos;
  });
}

// A supervisor that allows no restart at all, with a child "b" that has terms of its own between
// "a" and "c" that have none. `give` takes the plain spec of "b", and returns the one with terms.
struct middle_child : scene {
  template <class F>
  middle_child(coppice::strategy how, F give) {
    supervisor = supervise(
        coppice::supervisor_spec{.name = "top",
                                 .strategy = how,
                                 .intensity = 0,
                                 .children = {child("a"), give(child("b")), child("c")}});
    CHECK(log() == "+a +b +c");
  }

  coppice::supervisor_ref supervisor;
};
