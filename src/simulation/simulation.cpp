#include <coppice/simulation.hpp>

#include "simulation_core.hpp"

namespace coppice {

asio::io_context& simulation::io() noexcept { return core_->io(); }

std::uint64_t simulation::seed() const noexcept { return core_->seed(); }

std::uint64_t simulation::draw(std::uint64_t n) {
  if (n == 0) throw std::invalid_argument{"coppice: simulation::draw: there is no number below 0"};
  return core_->draws().below(n);
}

bool simulation::chance(double c) { return core_->draws().chance(c); }

simulation::duration simulation::elapsed() const noexcept { return core_->elapsed(); }

void simulation::run() {
  core_->loop([] { return false; }, detail::simulation_core::look::at_stops);
}

void simulation::run_for(duration d) { core_->pass(d); }

void simulation::run_until(const std::string& what, const std::function<bool()>& so,
                           duration limit) {
  core_->run_until(what, so, limit);
}

void simulation::end_faults() { core_->end_faults(); }

void simulation::begin_faults() { core_->begin_faults(); }

void simulation::always(std::string what, std::function<bool()> so) {
  core_->always(std::move(what), std::move(so));
}

void simulation::on_report(report_sink f) { core_->on_report(std::move(f)); }

const std::vector<std::string>& simulation::reports() const noexcept { return core_->reports(); }

void simulation::fail(const std::string& why) { core_->fail(why); }

}  // namespace coppice
