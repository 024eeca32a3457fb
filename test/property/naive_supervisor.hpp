#pragma once

#include "history.hpp"

#include <string>

// Whether a supervisor written as OTP's is, one that starts, stops and restarts in plain loops and
// waits on the spot for what it needs, would have done all that the history says, and nothing else:
// empty, or the first difference.
std::string differs_from_naive(const history& h);
