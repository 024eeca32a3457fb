#include "../otp/scenario.hpp"

#include "../otp/player.hpp"
#include "fuzz.hpp"

#include <array>
#include <cstddef>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

// Any text is either read as scenarios or refused, and what was read is played, or refused. Some
// are played twice, and must go the same way, or with another order of turns. What begins with a
// byte that is no text stands for a scenario that is made of it, since few changes of a text make
// another scenario.

namespace fuzz {

namespace {

// What is larger is read, but not played: that takes long, and shows nothing new.
constexpr std::size_t most_children = 8;
constexpr std::size_t most_steps = 12;

bool is_small(const ::scenario& s) {
  std::size_t children = 0;
  for (const auto& [name, sup] : s.sups) children += sup.children.size();
  return children <= most_children && s.steps.size() <= most_steps;
}

// The trace, or why there is none.
std::vector<std::string> played(const ::scenario& s, const turn_seeds& seeds = {}) {
  try {
    return play(s, seeds);
  } catch (const std::runtime_error& e) {
    return {e.what()};
  }
}

template <std::size_t Count>
std::string one_of(source& from, const std::array<const char*, Count>& words) {
  return words[from.byte() % Count];
}

std::string child_options(source& from) {
  constexpr std::array restarts{"permanent", "transient", "temporary"};
  constexpr std::array shutdowns{"5000", "brutal_kill", "infinity", "0", "1"};
  constexpr std::array flags{"false", "false", "true"};
  constexpr std::array starts{"", "ok", "ok,error", "error", "ok,crash,ok", "ignore", "ok,ignore"};
  constexpr std::array stops{"obey", "normal", "error", "hang"};
  return " restart=" + one_of(from, restarts) + " shutdown=" + one_of(from, shutdowns) +
         " significant=" + one_of(from, flags) + " start=" + one_of(from, starts) +
         " stop=" + one_of(from, stops) + '\n';
}

std::string sup(source& from, const std::string& name, bool dynamic) {
  constexpr std::array strategies{"one_for_one", "one_for_all", "rest_for_one"};
  constexpr std::array budgets{"0 5", "1 5", "2 1000", "10 1"};
  constexpr std::array modes{"never", "never", "any_significant", "all_significant"};
  return "sup " + name + ' ' + (dynamic ? "simple_one_for_one" : one_of(from, strategies)) + ' ' +
         one_of(from, budgets) + " auto_shutdown=" + one_of(from, modes) + '\n';
}

// A root, a supervisor or one of a template below it, and workers.
std::string made_of(source from) {
  const bool dynamic = from.byte() % 3 == 0;
  std::string text = sup(from, "root", false) + sup(from, "s1", dynamic);
  text += "child root w1 worker" + child_options(from);
  text += "child root s1 supervisor" + child_options(from);
  text += "child root w2 worker" + child_options(from);
  text += "child s1 w3 worker" + child_options(from);
  if (!dynamic) text += "child s1 w4 worker" + child_options(from);
  text += "start\n";
  constexpr std::array ids{"w1", "w2", "w3", "w4", "s1#1", "s1#2", "w5"};
  constexpr std::array sups{"root", "root", "s1"};
  constexpr std::array reasons{"normal", "shutdown", "shutdown_term", "kill", "error"};
  constexpr std::array calls{"terminate_child", "restart_child", "delete_child"};
  for (std::size_t step = 1; step < most_steps / 2 && !from.empty(); ++step) {
    switch (from.byte() % 7) {
      case 0: text += "exit " + one_of(from, ids) + ' ' + one_of(from, reasons) + '\n'; break;
      case 1:
        text += "exit_all " + one_of(from, reasons) + ' ' + one_of(from, ids) + ' ';
        text += one_of(from, ids) + '\n';
        break;
      case 2:
        text += one_of(from, calls) + ' ' + one_of(from, sups) + ' ' + one_of(from, ids) + '\n';
        break;
      case 3: text += dynamic ? "start_child s1\n" : "which_children s1\n"; break;
      case 4: text += "start_child root w5 worker" + child_options(from); break;
      case 5: text += "sleep 2000\n"; break;
      default: text += "restart_child root s1\ncount_children root\n"; break;
    }
  }
  return text;
}

}  // namespace

void scenario(std::string_view input) {
  const bool is_text = input.empty() || static_cast<unsigned char>(input.front()) < 0x80;
  std::istringstream text{is_text ? std::string{input} : made_of(source{input})};
  std::vector<::scenario> all;
  try {
    all = read_scenarios(text);
  } catch (const std::runtime_error&) {
    require(is_text, "what is made is a scenario");
    return;
  }
  require(!all.empty(), "there is a scenario, or an error");
  for (const ::scenario& s : all) {
    if (!is_small(s)) continue;
    const std::vector<std::string> trace = played(s);
    require(!trace.empty(), "there is a trace, or an error");
    switch (input.size() % 4) {
      case 0: require(played(s) == trace, "it goes the same way each time"); break;
      case 1: static_cast<void>(played(s, {{0, 1}, {1, 2}})); break;
      default: break;
    }
  }
}

}  // namespace fuzz
