#include "scenario.hpp"

#include <istream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

words split(const std::string& line, char separator) {
  words result;
  std::istringstream in{line};
  for (std::string word; std::getline(in, word, separator);) {
    if (!word.empty()) result.push_back(word);
  }
  return result;
}

namespace {

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error{why}; }

const std::string& word_at(const words& line, std::size_t n) {
  if (n >= line.size()) refuse("a word is missing behind: " + line.back());
  return line[n];
}

// Small enough for any clock.
int to_number(const std::string& word) {
  const bool digits = !word.empty() && word.size() <= 9 &&
                      word.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) refuse("not a number: " + word);
  return std::stoi(word);
}

const std::string& one_of(const std::set<std::string>& known, const std::string& word) {
  if (!known.contains(word)) refuse("not known here: " + word);
  return word;
}

// Those with a number sign are those of a template's children.
const std::string& to_id(const std::string& word) {
  if (word.find('#') != std::string::npos) refuse("not an id: " + word);
  return word;
}

}  // namespace

child_line read_child(const words& line, std::size_t from) {
  child_line c;
  c.id = to_id(word_at(line, from));
  c.supervisor = one_of({"worker", "supervisor"}, word_at(line, from + 1)) == "supervisor";
  c.shutdown = c.supervisor ? "infinity" : "5000";
  for (std::size_t i = from + 2; i < line.size(); ++i) {
    const std::size_t equals = line[i].find('=');
    if (equals == std::string::npos) refuse("not an option: " + line[i]);
    const std::string key = line[i].substr(0, equals);
    const std::string value = line[i].substr(equals + 1);
    if (key == "restart") {
      c.restart = one_of({"permanent", "transient", "temporary"}, value);
    } else if (key == "shutdown") {
      if (value != "brutal_kill" && value != "infinity") to_number(value);
      c.shutdown = value;
    } else if (key == "significant") {
      c.significant = one_of({"true", "false"}, value) == "true";
    } else if (key == "start") {
      c.start = split(value, ',');
      for (const std::string& outcome : c.start) {
        one_of({"ok", "ignore", "error", "crash"}, outcome);
      }
    } else if (key == "stop") {
      c.stop = one_of({"obey", "normal", "error", "hang"}, value);
    } else {
      refuse("unknown option: " + line[i]);
    }
  }
  return c;
}

namespace {

void read_sup(scenario& s, const words& line) {
  sup_line& sup = s.sups[to_id(word_at(line, 1))];
  sup.strategy = one_of({"one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"},
                        word_at(line, 2));
  sup.max_restarts = to_number(word_at(line, 3));
  sup.period_seconds = to_number(word_at(line, 4));
  for (std::size_t i = 5; i < line.size(); ++i) {
    const std::string option = "auto_shutdown=";
    if (!line[i].starts_with(option)) refuse("unknown option: " + line[i]);
    sup.auto_shutdown =
        one_of({"never", "any_significant", "all_significant"}, line[i].substr(option.size()));
  }
}

// What else a step needs is seen when it is played.
void check_step(const words& line) {
  const std::string& verb = line[0];
  if (verb == "start" || verb == "stop") return;
  const std::string& first = word_at(line, 1);
  const std::set<std::string> reasons{"normal", "shutdown", "shutdown_term", "kill", "error"};
  if (verb == "sleep") {
    to_number(first);
  } else if (verb == "exit") {
    one_of(reasons, word_at(line, 2));
  } else if (verb == "exit_all") {
    one_of(reasons, first);
  } else if (verb == "start_child") {
    if (line.size() > 2) read_child(line, 2);
  } else if (verb == "terminate_child" || verb == "restart_child" || verb == "delete_child") {
    word_at(line, 2);
  } else {
    one_of({"which_children", "count_children"}, verb);
  }
}

void read_line(scenario& s, const words& line) {
  if (line[0] == "sup") {
    read_sup(s, line);
  } else if (line[0] == "child") {
    s.sups[word_at(line, 1)].children.push_back(read_child(line, 2));
  } else {
    check_step(line);
    s.steps.push_back(line);
  }
}

// An id is that of one child, of one supervisor; and whoever is called a supervisor is one.
class owners {
 public:
  explicit owners(const scenario& s) : sups_{s.sups} {
    for (const auto& [name, sup] : s.sups) {
      if (sup.strategy.empty()) refuse("a supervisor without a line of its own: " + name);
      std::set<std::string> ids;
      for (const child_line& c : sup.children) {
        if (!ids.insert(c.id).second) refuse("declared twice: " + c.id);
        note(name, c);
      }
      if (sup.strategy == "simple_one_for_one" && sup.children.size() != 1) {
        refuse("there is one template, and not more: " + name);
      }
    }
    for (const words& step : s.steps) {
      const std::string& verb = step[0];
      if (step.size() < 2 || !(verb.ends_with("_child") || verb.ends_with("_children"))) continue;
      if (!sups_.contains(step[1])) refuse("not a supervisor: " + step[1]);
      if (verb == "start_child" && step.size() == 2 &&
          sups_.at(step[1]).strategy != "simple_one_for_one") {
        refuse("a supervisor without a template: " + step[1]);
      }
      if (verb == "start_child" && step.size() > 2) note(step[1], read_child(step, 2));
    }
  }

  [[nodiscard]] bool have(const std::string& id) const { return owner_of_.contains(id); }

 private:
  void note(const std::string& owner, const child_line& c) {
    if (c.supervisor != sups_.contains(c.id)) refuse("a worker or a supervisor: " + c.id);
    const auto [found, is_new] = owner_of_.emplace(c.id, owner);
    if (!is_new && found->second != owner) refuse("a child of two supervisors: " + c.id);
  }

  const std::map<std::string, sup_line>& sups_;
  std::map<std::string, std::string> owner_of_;
};

// The supervisor that is nobody's child.
void find_root(scenario& s) {
  const owners owned{s};
  for (const auto& [name, sup] : s.sups) {
    if (!owned.have(name)) s.root = name;
  }
  if (s.root.empty()) refuse("scenario " + s.name + " has no root supervisor");
}

}  // namespace

std::vector<scenario> read_scenarios(std::istream& in) {
  std::vector<scenario> result;
  bool in_trace = false;
  for (std::string line; std::getline(in, line);) {
    const words w = split(line, ' ');
    if (line.starts_with("=== ")) {
      result.push_back({});
      result.back().name = line.substr(4);
      in_trace = false;
      continue;
    }
    if (!in_trace && (w.empty() || w[0].starts_with('#'))) continue;
    if (result.empty()) result.push_back({});  // the only one, which needs no name
    if (line == "--- trace") {
      in_trace = true;
    } else if (in_trace) {
      result.back().trace.push_back(line);
    } else {
      read_line(result.back(), w);
    }
  }
  if (result.empty()) refuse("no scenario");
  for (scenario& s : result) find_root(s);
  return result;
}
