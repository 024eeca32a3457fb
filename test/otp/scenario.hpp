#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

// A scenario of README.md, read.

using words = std::vector<std::string>;

struct child_line {
  std::string id;
  bool supervisor = false;
  std::string restart = "permanent";
  std::string shutdown;
  bool significant = false;
  words start;  // outcomes of the first, second, … start
  std::string stop = "obey";
};

struct sup_line {
  std::string strategy;
  int max_restarts = 0;
  int period_seconds = 0;
  std::string auto_shutdown = "never";
  std::vector<child_line> children;
};

struct scenario {
  std::string name;
  std::map<std::string, sup_line> sups;
  std::string root;
  std::vector<words> steps;
  std::vector<std::string> trace;  // as recorded; empty if none was
};

words split(const std::string& line, char separator);

// The words from the id of a `child` or `start_child` line on.
child_line read_child(const words& line, std::size_t from);

// Every scenario of a corpus, or the only one of a scenario file. Throws std::runtime_error.
std::vector<scenario> read_scenarios(std::istream& in);
