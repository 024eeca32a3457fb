#include "scenario.hpp"

#include <istream>
#include <set>
#include <sstream>
#include <stdexcept>

words split(const std::string& line, char separator) {
  words result;
  std::istringstream in{line};
  for (std::string word; std::getline(in, word, separator);) {
    if (!word.empty()) result.push_back(word);
  }
  return result;
}

child_line read_child(const words& line, std::size_t from) {
  child_line c;
  c.id = line.at(from);
  c.supervisor = line.at(from + 1) == "supervisor";
  c.shutdown = c.supervisor ? "infinity" : "5000";
  for (std::size_t i = from + 2; i < line.size(); ++i) {
    const std::size_t equals = line[i].find('=');
    if (equals == std::string::npos) throw std::runtime_error{"not an option: " + line[i]};
    const std::string key = line[i].substr(0, equals);
    const std::string value = line[i].substr(equals + 1);
    if (key == "restart") {
      c.restart = value;
    } else if (key == "shutdown") {
      c.shutdown = value;
    } else if (key == "significant") {
      c.significant = value == "true";
    } else if (key == "start") {
      c.start = split(value, ',');
    } else if (key == "stop") {
      c.stop = value;
    } else {
      throw std::runtime_error{"unknown option: " + line[i]};
    }
  }
  return c;
}

namespace {

void read_line(scenario& s, const words& line) {
  if (line[0] == "sup") {
    sup_line& sup = s.sups[line.at(1)];
    sup.strategy = line.at(2);
    sup.max_restarts = std::stoi(line.at(3));
    sup.period_seconds = std::stoi(line.at(4));
    for (std::size_t i = 5; i < line.size(); ++i) {
      if (line[i].starts_with("auto_shutdown=")) sup.auto_shutdown = line[i].substr(14);
    }
  } else if (line[0] == "child") {
    s.sups[line.at(1)].children.push_back(read_child(line, 2));
  } else {
    s.steps.push_back(line);
  }
}

// The supervisor that is nobody's child.
void find_root(scenario& s) {
  std::set<std::string> owned;
  for (const auto& [name, sup] : s.sups) {
    for (const child_line& c : sup.children) owned.insert(c.id);
  }
  for (const auto& [name, sup] : s.sups) {
    if (!owned.contains(name)) s.root = name;
  }
  if (s.root.empty()) throw std::runtime_error{"scenario " + s.name + " has no root supervisor"};
}

}  // namespace

std::vector<scenario> read_scenarios(std::istream& in) {
  std::vector<scenario> result;
  bool in_trace = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("=== ")) {
      result.push_back({});
      result.back().name = line.substr(4);
      in_trace = false;
    } else if (line == "--- trace") {
      in_trace = true;
    } else if (in_trace) {
      result.back().trace.push_back(line);
    } else if (const words w = split(line, ' '); !w.empty() && !w[0].starts_with('#')) {
      if (result.empty()) result.push_back({});
      read_line(result.back(), w);
    }
  }
  if (result.empty()) throw std::runtime_error{"no scenario"};
  for (scenario& s : result) find_root(s);
  return result;
}
