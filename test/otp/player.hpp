#pragma once

#include "scenario.hpp"

#include <string>
#include <vector>

// Plays a scenario on coppice, through its public interface and in virtual time, and tells what was
// seen, as the oracle does for OTP.
std::vector<std::string> play(const scenario& s);
