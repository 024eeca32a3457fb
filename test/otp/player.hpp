#pragma once

#include "scenario.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

// Steps in which processes that are ready at the same time do not simply take turns first come,
// first served, and the seed of the order in which they do.
using turn_seeds = std::map<std::size_t, unsigned>;

// Plays the scenario on coppice, in virtual time, and returns its trace. Throws std::runtime_error
// if a step cannot be played, or never ends.
std::vector<std::string> play(const scenario& s, const turn_seeds& seeds = {});
