#include "chance/socket_faults.hpp"
#include "simulation_core.hpp"

#include <array>
#include <cstdio>

namespace coppice::detail {

namespace {

// Of the chances that the options give, a play has all, a part, or nothing: faults of one kind hide
// those of another if all happen all the time.
double weakened(random_stream& draws, double chance) {
  static constexpr std::array parts{0.0, 0.0, 0.1, 1.0};
  return chance * parts[draws.below(parts.size())];
}

void tell(std::string& text, const std::string& what, double chance) {
  if (chance <= 0) return;
  char number[32];
  std::snprintf(number, sizeof number, "%g", chance);
  text.append("  ").append(what).append(": ").append(number).append("\n");
}

void weaken(random_stream& draws, network_conditions& n) {
  for (const socket_fault& f : socket_faults) n.*f.chance = weakened(draws, n.*f.chance);
}

// `of` is empty, or a colon and the name of the processes whose network it is.
void tell(std::string& text, const network_conditions& n, const std::string& of) {
  text += "  latency" + of + ": " + std::to_string(n.latency_min.count()) + " to " +
          std::to_string(n.latency_max.count()) + " us\n";
  for (const socket_fault& f : socket_faults) tell(text, f.name + of, n.*f.chance);
}

std::string_view to_text(simulated_order o) {
  switch (o) {
    case simulated_order::drawn: break;
    case simulated_order::first_come: return "first come, first served";
    case simulated_order::random: return "random";
    case simulated_order::priorities: return "by priorities";
  }
  return "";
}

}  // namespace

seed_plan plan_of(std::uint64_t seed, const simulation_options& o) {
  random_stream draws{seed, "plan"};
  seed_plan p{seed, o.order, 0, o.network, o.networks, o.threads, o.faults};
  if (p.order == simulated_order::drawn) {
    static constexpr std::array kinds{simulated_order::first_come, simulated_order::random,
                                      simulated_order::random, simulated_order::priorities};
    p.order = kinds[draws.below(kinds.size())];
  }
  if (p.order == simulated_order::priorities) p.priority_changes = draws.below(4);
  if (!o.draw_faults) return p;
  weaken(draws, p.network);
  for (process_fault& f : p.faults) f.chance = weakened(draws, f.chance);
  p.threads.interruption = weakened(draws, p.threads.interruption);
  for (process_network& n : p.networks) weaken(draws, n.conditions);
  return p;
}

std::string to_text(const seed_plan& p, bool with_threads) {
  std::string text = "  order: " + std::string{to_text(p.order)};
  if (p.order == simulated_order::priorities) {
    text += ", changed " + std::to_string(p.priority_changes) + " times";
  }
  text += '\n';
  tell(text, p.network, "");
  for (const process_network& n : p.networks) tell(text, n.conditions, ':' + n.process);
  if (with_threads) {
    text += "  delay of threads: " + std::to_string(p.threads.delay_min.count()) + " to " +
            std::to_string(p.threads.delay_max.count()) + " us\n";
    tell(text, "interruption", p.threads.interruption);
  }
  for (const process_fault& f : p.faults) {
    tell(text, std::string{detail::to_text(f.kind)} + ':' + f.process, f.chance);
  }
  return text;
}

}  // namespace coppice::detail
