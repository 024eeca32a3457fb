#include "chance/fault_list.hpp"
#include "chance/socket_faults.hpp"
#include "simulation_core.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>

namespace coppice {

namespace {

using detail::fault_occurrence;
using detail::seed_plan;
using detail::simulation_core;
using body_function = std::function<void(simulation&)>;

simulation_framework* framework = nullptr;

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::uint64_t number = 0;
  const std::string_view given{text};
  const auto read = std::from_chars(given.data(), given.data() + given.size(), number);
  if (given.empty() || read.ec != std::errc{} || read.ptr != given.data() + given.size()) {
    throw std::invalid_argument{std::string{"coppice: "} + variable +
                                " has to be a number, which \"" + text + "\" is not"};
  }
  return number;
}

void check_chance(const char* of, double c) {
  if (c >= 0 && c <= 1) return;
  throw std::invalid_argument{std::string{"coppice: simulate: the chance of "} + of +
                              " has to be from 0 to 1"};
}

void check(const network_conditions& n) {
  for (const detail::socket_fault& f : detail::socket_faults) check_chance(f.name, n.*f.chance);
  if (n.latency_min < n.latency_min.zero() || n.latency_max < n.latency_min) {
    throw std::invalid_argument{
        "coppice: simulate: latency_min must not be negative, nor above latency_max"};
  }
}

void check(const simulation_options& o) {
  check(o.network);
  for (const process_network& n : o.networks) {
    check(n.conditions);
    if (n.process.empty()) {
      throw std::invalid_argument{"coppice: simulate: a process_network has to name a process"};
    }
  }
  for (const process_fault& f : o.faults) check_chance("a process_fault", f.chance);
  const thread_conditions& t = o.threads;
  check_chance("an interruption", t.interruption);
  if (t.delay_min < t.delay_min.zero() || t.delay_max < t.delay_min) {
    throw std::invalid_argument{
        "coppice: simulate: delay_min must not be negative, nor above delay_max"};
  }
}

// Gives the command line of this program, as a shell reads it.
std::string command_line() {
  std::ifstream file{"/proc/self/cmdline", std::ios::binary};
  const std::string all{std::istreambuf_iterator<char>{file}, {}};
  std::string line;
  for (std::size_t from = 0; from < all.size();) {
    const std::string word{all.c_str() + from};
    from += word.size() + 1;
    if (!line.empty()) line += ' ';
    const bool plain = word.find_first_of(" '\"*?$&;|<>()[]{}\\") == std::string::npos;
    line += plain ? word : '\'' + word + '\'';
  }
  return line;
}

// The plays of one call of `simulate`.
class plays {
 public:
  plays(const simulation_options& o, const body_function& body) : options_{o}, body_{body} {}

  void play(std::uint64_t seed);
  void play_again(std::uint64_t seed);

 private:
  struct outcome {
    std::string failure;
    std::vector<fault_occurrence> faults;
    std::vector<std::uint64_t> hashes;
    std::string told;
    bool has_threads = false;
  };

  [[nodiscard]] bool is_played_twice(std::uint64_t seed) const noexcept {
    return options_.played_twice != 0 && seed % options_.played_twice == 0;
  }
  outcome play_once(const seed_plan& p, simulation_core::terms t) const;
  // Plays it once more, without a word. What comes of it has failed if it is not the same.
  outcome play_the_same(const seed_plan& p, simulation_core::terms t, const outcome& first) const;
  [[noreturn]] void fail(const seed_plan& p, const outcome& how) const;

  const simulation_options& options_;
  const body_function& body_;
};

plays::outcome plays::play_once(const seed_plan& p, simulation_core::terms t) const {
  const std::uint64_t failures = framework != nullptr ? framework->failures() : 0;
  simulation_core core{p, options_, std::move(t)};
  outcome o;
  o.failure = core.play(body_);
  if (o.failure.empty() && framework != nullptr && framework->failures() > failures) {
    o.failure = "an assertion has failed";
  }
  o.faults = core.faults().occurred();
  o.hashes = core.told().take_hashes();
  o.told = core.told().told();
  o.has_threads = core.has_threads();
  return o;
}

void plays::play(std::uint64_t seed) {
  const seed_plan p = detail::plan_of(seed, options_);
  const simulation_core::terms t{.keeps_trace = is_played_twice(seed)};
  const outcome first = play_once(p, t);
  if (!first.failure.empty()) fail(p, first);
  if (!t.keeps_trace) return;
  const outcome second = play_the_same(p, t, first);
  if (!second.failure.empty()) fail(p, second);
}

plays::outcome plays::play_the_same(const seed_plan& p, simulation_core::terms t,
                                    const outcome& first) const {
  t.prints = false;
  outcome second = play_once(p, t);
  if (!second.failure.empty() || second.hashes == first.hashes) return second;
  const auto at = std::mismatch(second.hashes.begin(), second.hashes.end(), first.hashes.begin(),
                                first.hashes.end());
  const auto event = static_cast<std::size_t>(at.first - second.hashes.begin());
  t.keeps_trace = false;
  t.told_event = event;
  const std::string told = play_once(p, t).told;
  second.failure =
      "the same seed has taken another course the second time, from event " +
      std::to_string(event) + " on, which is \"" + told +
      "\" in one play more: something in it goes by addresses, real time, threads or random "
      "numbers of its own";
  return second;
}

void plays::fail(const seed_plan& p, const outcome& how) const {
  const bool shrinks = number_from("COPPICE_SHRINK").value_or(1) != 0;
  if (framework != nullptr) framework->silence(true);
  const auto fails_with = [&](const std::vector<fault_occurrence>& faults) {
    return !play_once(p, {.faults = faults}).failure.empty();
  };
  const std::vector<fault_occurrence> fewest =
      shrinks ? detail::shrink(how.faults, fails_with) : how.faults;
  if (framework != nullptr) framework->silence(false);
  std::string text = "coppice: a simulation fails with seed " + std::to_string(p.seed) + ": " +
                     how.failure + "\nThe seed stands for:\n" + detail::to_text(p, how.has_threads);
  text += how.faults.empty() ? "No fault has happened.\n"
                             : "It fails with these faults (of " +
                                   std::to_string(how.faults.size()) + "): " +
                                   (fewest.empty() ? "none" : detail::to_text(fewest)) + "\n";
  text += "To play it again:\n  COPPICE_SEED=" + std::to_string(p.seed);
  if (!how.faults.empty()) text += " COPPICE_FAULTS='" + detail::to_text(fewest) + "'";
  text += ' ' + command_line();
  if (framework != nullptr) text += ' ' + framework->arguments();
  throw simulation_failed{text};
}

void plays::play_again(std::uint64_t seed) {
  simulation_core::terms t;
  if (const char* const faults = std::getenv("COPPICE_FAULTS"); faults != nullptr) {
    t.faults = detail::to_faults(faults);
  }
  t.prints = true;
  const seed_plan p = detail::plan_of(seed, options_);
  std::fprintf(stderr, "seed %llu stands for:\n%s", static_cast<unsigned long long>(seed),
               detail::to_text(p, true).c_str());
  t.keeps_trace = is_played_twice(seed);
  outcome o = play_once(p, t);
  if (o.failure.empty() && t.keeps_trace) o = play_the_same(p, t, o);
  if (!o.failure.empty()) {
    throw simulation_failed{"coppice: a simulation fails with seed " + std::to_string(seed) +
                            ": " + o.failure};
  }
}

}  // namespace

void simulate(const simulation_options& o, const std::function<void(simulation&)>& body) {
  check(o);
  plays all{o, body};
  if (const auto only = number_from("COPPICE_SEED")) return all.play_again(*only);
  const std::uint64_t first = number_from("COPPICE_FIRST_SEED").value_or(o.first_seed);
  const std::uint64_t seeds = number_from("COPPICE_SEEDS").value_or(o.seeds);
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    all.play(seed);
  }
}

void simulate(std::uint64_t seed, const std::function<void(simulation&)>& body) {
  simulate(simulation_options{.first_seed = seed, .seeds = 1}, body);
}

void set_simulation_framework(simulation_framework* f) noexcept { framework = f; }

}  // namespace coppice
