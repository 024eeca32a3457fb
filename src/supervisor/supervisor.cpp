#include <coppice/supervise.hpp>
#include <coppice/supervisor.hpp>

#include "supervisor_process.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/task_body.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/task.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

// This file starts supervisors: as roots, linked to a process, as children of other supervisors,
// and within a process that already runs (`supervise`). All of them run the same task, which keeps
// a supervisor_process in its frame. Their specs become setups, checked once and shared by all
// starts; those that a function of the user's makes are made, and checked, at each start (OTP:
// init/1).

namespace coppice {

namespace detail {

namespace {

// The body of a supervisor process: a task, since that is cheaper than an awaitable. The setup
// is asked for anew at each start.
class supervisor_body final : public task_body, public pooled {
 public:
  supervisor_body(std::function<setup_ptr()> make_setup, std::shared_ptr<supervisor_outcome> o)
      : task_body{true}, make_setup_{std::move(make_setup)}, outcome_{std::move(o)} {}

  task<void> call(process& p) override { return run(p, *this); }

 private:
  static task<void> run(process& p, const supervisor_body& body) {
    supervisor_process self{p, body.make_setup(p)};
    const auto booted = [&p, &body] {
      p.home.acknowledge(p, {});
      if (body.outcome_ && body.outcome_->booted) body.outcome_->booted();
    };
    auto serving = self.main(booted);
    co_await std::move(serving);
    if (body.outcome_) {
      body.outcome_->finished = true;
      body.outcome_->cause = self.end().why;
      body.outcome_->killed = self.killed();
    }
    // A return would otherwise count as a normal end.
    p.reason = self.end().reason;
    p.exit_reason_final = true;
  }

  // Completes the requests that wait for the start (`ready`). The other early requests complete
  // with `noproc` when the process is gone.
  static void tell_of_failed_start(list_hook& requests) noexcept {
    for (list_hook* h = requests.empty() ? nullptr : requests.front(); h != nullptr;) {
      auto& r = static_cast<supervisor_request&>(*h);
      h = requests.after(h);
      if (r.kind != supervisor_request::kind_type::ready) continue;
      r.unlink();
      r.refuse(errc::start_failed);
    }
  }

  // The user's init function may throw; its exception becomes the exit reason of the process.
  setup_ptr make_setup(process& p) const {
    try {
      return make_setup_();
    } catch (...) {
      if (p.extras) tell_of_failed_start(p.extras->early_requests);
      throw;
    }
  }

  std::function<setup_ptr()> make_setup_;
  std::shared_ptr<supervisor_outcome> outcome_;
};

std::function<setup_ptr()> from(setup_ptr b) {
  return [b = std::move(b)] { return b; };
}

std::function<setup_ptr()> from_init(std::function<supervisor_spec()> init) {
  return [init = std::move(init)] { return setup_of(init()); };
}

child_spec as_child(std::string id, std::function<setup_ptr()> make_setup) {
  return {.id = std::move(id),
          .start = access::make<start_function>(
              body_ptr{new supervisor_body{std::move(make_setup), nullptr}}),
          .type = child_type::supervisor};
}

supervisor_ref start_root(asio::io_context& io, std::function<setup_ptr()> make_setup,
                          std::string_view label, std::shared_ptr<supervisor_outcome> outcome) {
  process& p =
      scheduler::of(io, "start_supervisor")
          .spawn({.what = body_ptr{new supervisor_body{std::move(make_setup), std::move(outcome)}},
                  .label = label});
  // A root is linked to nobody, even if a process starts it: no exit signal may count as its
  // parent's.
  p.spawner = {};
  return supervisor_ref{p.id()};
}

}  // namespace

shutdown shutdown_of(const child_spec& spec) noexcept {
  if (spec.shutdown) return *spec.shutdown;
  if (spec.type == child_type::supervisor) return infinity;
  return supervision::default_shutdown;
}

setup_ptr setup_of(supervisor_spec spec, std::size_t partitions) {
  check(spec);
  const bool from_template = spec.strategy == strategy::simple_one_for_one;
  return std::make_shared<const supervisor_setup>(
      supervisor_setup{.name = std::move(spec.name),
                           .options = {.strategy = spec.strategy,
                                       .intensity = spec.intensity,
                                       .period = spec.period,
                                       .automatic = spec.auto_shutdown,
                                       .dynamic = from_template},
                           .children = std::move(spec.children),
                           .from_template = from_template,
                           .partitions = partitions});
}

setup_ptr setup_of(dynamic_supervisor_spec spec) {
  check(spec);
  return std::make_shared<const supervisor_setup>(
      supervisor_setup{.name = std::move(spec.name),
                           .options = {.strategy = strategy::one_for_one,
                                       .intensity = spec.intensity,
                                       .period = spec.period,
                                       .dynamic = true,
                                       .max_children = spec.max_children}});
}

supervisor_ref start_supervisor(asio::io_context& io, setup_ptr setup,
                                std::shared_ptr<supervisor_outcome> outcome) {
  const std::string label = setup->name;
  return start_root(io, from(std::move(setup)), label, std::move(outcome));
}

// OTP: start_link. The starter becomes the parent: its exit signals stop the supervisor in order
// (`supervisor_process::exit_signal`), and the end of the supervisor reaches it through the link.
pid start_linked(setup_ptr setup) {
  process& me = current_process();
  const pid sup = start_supervisor(me.home.io(), std::move(setup), nullptr).get_pid();
  process& p = *access::slot(sup);
  p.spawner = me.id();
  me.home.link(me, p);
  return sup;
}

child_spec supervisor_child(setup_ptr setup) {
  std::string id = setup->name;
  return as_child(std::move(id), from(std::move(setup)));
}

}  // namespace detail

supervisor_ref start_supervisor(asio::io_context& io, supervisor_spec spec) {
  return detail::start_supervisor(io, detail::setup_of(std::move(spec)), nullptr);
}

dynamic_supervisor_ref start_supervisor(asio::io_context& io, dynamic_supervisor_spec spec) {
  return dynamic_supervisor_ref{
      detail::start_supervisor(io, detail::setup_of(std::move(spec)), nullptr).get_pid()};
}

supervisor_ref start_supervisor_link(supervisor_spec spec) {
  return supervisor_ref{detail::start_linked(detail::setup_of(std::move(spec)))};
}

dynamic_supervisor_ref start_supervisor_link(dynamic_supervisor_spec spec) {
  return dynamic_supervisor_ref{detail::start_linked(detail::setup_of(std::move(spec)))};
}

supervisor_ref detail::start_supervisor_by(asio::io_context& io,
                                           std::function<supervisor_spec()> init) {
  if (!init) throw std::invalid_argument{"coppice: a supervisor needs an init function"};
  return start_root(io, from_init(std::move(init)), {}, nullptr);
}

struct detail::supervising_state {
  supervising_state(detail::process& me, detail::setup_ptr setup, std::function<void()> booted)
      : home{me.home}, self{std::in_place, me, std::move(setup)}, waiting{&*self} {
    self->begin(booted ? std::move(booted) : [] {});
  }

  [[nodiscard]] bool over() const noexcept { return !self || self->has_finished(); }

  detail::scheduler& home;
  std::optional<detail::supervisor_process> self;  // until it has come to its end
  detail::supervisor_process::wait waiting;
  supervisor_end result{};
};

detail::scheduler& detail::supervising_wait::home() const { return of->home; }

void detail::supervising_wait::arm(waiter& w) {
  if (of->over()) return w.wake();
  of->waiting.arm(w);
}

bool detail::supervising_wait::poll() { return of->over() || of->waiting.poll(); }

void detail::supervising_wait::disarm() noexcept {
  if (of->self) of->waiting.disarm();
}

supervisor_end detail::supervising_wait::take() {
  if (of->self) {
    of->result = of->self->end();
    of->self.reset();
  }
  return of->result;
}

supervising supervise(supervisor_spec spec, std::function<void()> booted) {
  detail::process& me = detail::current_process();
  return supervising{std::make_shared<detail::supervising_state>(
      me, detail::setup_of(std::move(spec)), std::move(booted))};
}

supervising supervise(supervisor_spec spec, init_ack up) {
  return supervise(std::move(spec), [up] { up.ready(); });
}

child_spec supervisor(supervisor_spec spec) { return detail::supervisor_child_of(std::move(spec)); }

// A missing function is an error of the spec, and is thrown where the spec is given to a
// supervisor.
child_spec detail::supervisor_made_by(std::string id, std::function<supervisor_spec()> init) {
  if (!init) {
    const std::invalid_argument why{"supervisor \"" + id + "\": it needs an init function"};
    return refused_child(std::move(id), why);
  }
  return as_child(std::move(id), from_init(std::move(init)));
}

child_spec dynamic_supervisor(dynamic_supervisor_spec spec) {
  return detail::supervisor_child_of(std::move(spec));
}

}  // namespace coppice
