#include <coppice/supervisor.hpp>

#include "supervisor_process.hpp"

#include <coppice/detail/coroutine/task_body.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/task.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace coppice {

namespace detail {

child_info asked_child(const supervisor_request& r, const process_ref& supervisor) {
  child_info c{.supervisor = supervisor.name(), .supervisor_id = supervisor.get_pid()};
  if (!r.added) return c;
  const child_spec& spec = *r.added;
  c.id = spec.id;
  c.restart = spec.restart;
  c.significant = spec.significant;
  c.shutdown = shutdown_of(spec);
  c.type = spec.type;
  return c;
}

bool may_become_supervisor(const process& p) noexcept {
  if (p.supervisor() != nullptr || (p.extras && p.extras->server != nullptr)) return false;
  return p.now == process::state::unborn || (p.acknowledges && !p.answered);
}

namespace {

// Looks once more at a process that had not run when it was asked something: whether it has become a
// supervisor in its first step.
class second_look final : public owned_item, public pooled {
 public:
  second_look(const pid& process, scheduler& home) noexcept
      : owned_item{&second_look::act_on}, process_{process}, home_{home} {}

 private:
  static void act_on(run_item* item, how h) {
    auto& self = *static_cast<second_look*>(item);
    process* const p = h == how::run ? self.process_.get() : nullptr;
    if (p != nullptr && p->now == process::state::unborn) {
      self.home_.push(self);
      return;
    }
    delete &self;
    if (p != nullptr && p->now == process::state::live && !may_become_supervisor(*p)) {
      p->extras->fail_early_requests(errc::wrong_type, errc::wrong_type);
    }
  }

  const pid process_;
  scheduler& home_;
};

// The body of a supervisor process: a task. The blueprint is drawn anew for each start.
class supervisor_body final : public task_body, public pooled {
 public:
  supervisor_body(std::function<blueprint_ptr()> draw, std::shared_ptr<supervisor_outcome> o)
      : task_body{true}, draw_{std::move(draw)}, outcome_{std::move(o)} {}

  task<void> call(process& p) override { return run(p, *this); }

 private:
  static task<void> run(process& p, const supervisor_body& body) {
    supervisor_process self{p, body.draw(p)};
    co_await self.main([&p, &body] {
      p.home.acknowledge(p, {});
      if (body.outcome_ && body.outcome_->booted) body.outcome_->booted();
    });
    if (body.outcome_) {
      body.outcome_->finished = true;
      body.outcome_->cause = self.end().why;
    }
    p.reason = self.end().reason;
    p.outcome_set = true;
  }

  // Throws what a function of the user's throws.
  blueprint_ptr draw(process& p) const {
    try {
      return draw_();
    } catch (...) {
      if (p.extras) p.extras->fail_early_requests(errc::noproc, errc::start_failed);
      throw;
    }
  }

  std::function<blueprint_ptr()> draw_;
  std::shared_ptr<supervisor_outcome> outcome_;
};

std::function<blueprint_ptr()> always(blueprint_ptr b) {
  return [b = std::move(b)] { return b; };
}

std::function<blueprint_ptr()> made_by(std::function<supervisor_spec()> init) {
  return [init = std::move(init)] { return blueprint_of(init()); };
}

child_spec as_child(std::string id, std::function<blueprint_ptr()> draw, child_options o) {
  return {.id = std::move(id),
          .start = start_function{body_ptr{new supervisor_body{std::move(draw), nullptr}}},
          .restart = o.restart,
          .shutdown = o.shutdown,
          .type = child_type::supervisor,
          .significant = o.significant,
          .start_limit = o.start_limit};
}

// A request to that supervisor; refused where it cannot be reached from.
std::shared_ptr<supervisor_request> make_request(const process_ref& supervisor,
                                                 supervisor_request::kind_type kind,
                                                 std::string_view id = {}) {
  if (const scheduler* const home = supervisor.home(); home != nullptr) {
    check_reach(*home, "supervisor_ref");
  }
  auto r = std::allocate_shared<supervisor_request>(pool_allocator<supervisor_request>{}, kind);
  r->id = id;
  return r;
}

bool is_within(process* caller, const process& supervisor) noexcept {
  for (process* p = caller; p != nullptr; p = p->parent()) {
    if (p == &supervisor) return true;
  }
  return false;
}

process* caller_on(scheduler& s) noexcept {
  return scheduler::active() == &s ? s.current() : nullptr;
}

child_start submitted(std::shared_ptr<supervisor_request> r, const process_ref& supervisor) {
  supervisor_request::submit(r, supervisor);
  return child_start{std::move(r), supervisor};
}

scheduler& home_of(const process_ref& supervisor) {
  if (scheduler* s = supervisor.home(); s != nullptr) return *s;
  return here();
}

}  // namespace

namespace {

supervisor_ref start_root(asio::io_context& io, std::function<blueprint_ptr()> draw,
                          std::string_view label, std::shared_ptr<supervisor_outcome> outcome) {
  process& p = scheduler::of(io, "start_supervisor").spawn(
      {.what = body_ptr{new supervisor_body{std::move(draw), std::move(outcome)}}, .label = label});
  p.spawner = {};
  return supervisor_ref{p.id()};
}

}  // namespace

supervisor_ref start_supervisor(asio::io_context& io, blueprint_ptr blueprint,
                                std::shared_ptr<supervisor_outcome> outcome) {
  const std::string label = blueprint->name;
  return start_root(io, always(std::move(blueprint)), label, std::move(outcome));
}

pid start_linked(blueprint_ptr blueprint) {
  scheduler& s = here();
  process* const me = s.current();
  if (me == nullptr) throw std::logic_error{"coppice: no process runs right now"};
  const pid sup = start_supervisor(s.io(), std::move(blueprint), nullptr).get_pid();
  process& p = *sup.get();
  p.spawner = me->id();
  s.link(*me, p);
  return sup;
}

child_spec supervisor_child(blueprint_ptr blueprint, child_options o) {
  std::string id = blueprint->name;
  return as_child(std::move(id), always(std::move(blueprint)), o);
}

supervisor_request::~supervisor_request() {
  if (refusal_ != nullptr) refusal_->tell(error, reason);
}

void supervisor_request::refused(scheduler& s, const child_info& c) noexcept {
  if (!s.listened_to() || s.is_down()) return;
  try {
    refusal_ = std::make_unique<refusal>(s, c);
    s.unheard().push_back(*refusal_);
  } catch (...) {
    // There is no memory to tell of it.
  }
}

refusal::refusal(scheduler& s, const child_info& c)
    : at{s}, supervisor{c.supervisor}, id{c.id}, about{c} {
  about.supervisor = supervisor;
  about.id = id;
}

void refusal::tell(boost::system::error_code error, const exit_reason& reason) const noexcept {
  if (empty() || at.is_down()) return;
  const exit_reason none;
  at.tell(child_refused{about, error, error == errc::start_failed ? reason : none});
}

void supervisor_request::completed() noexcept {}

void supervisor_request::submit(const std::shared_ptr<supervisor_request>& r,
                                const process_ref& supervisor) {
  r->submitted = true;
  const auto refuse = [&](errc why) {
    scheduler* const home = supervisor.home() != nullptr ? supervisor.home() : scheduler::active();
    if (r->asks_for_child() && home != nullptr) r->refused(*home, asked_child(*r, supervisor));
    r->complete(why);
  };
  detail::process* const p = supervisor.home() != nullptr ? supervisor.get() : nullptr;
  if (p != nullptr && r->kind == kind_type::ready) {
    if (detail::process* const who = caller_on(p->home); who != nullptr) r->caller = who->id();
  }
  if (p == nullptr || p->now == detail::process::state::dying) {
    refuse(errc::noproc);
  } else if (p->supervisor() != nullptr) {
    detail::process* const caller = caller_on(p->home);
    if (caller != nullptr && p->supervisor()->waits_for(*caller)) {
      refuse(errc::would_deadlock);
    } else {
      p->supervisor()->take(r);
    }
  } else if (may_become_supervisor(*p)) {
    r->self = r;
    if (r->asks_for_child()) r->process = p->id();
    p->more().early_requests.push_back(*r);
    if (p->now == detail::process::state::unborn) p->home.push(*new second_look{p->id(), p->home});
  } else {
    refuse(errc::wrong_type);
  }
}

process_extras::~process_extras() { fail_early_requests(errc::noproc, errc::noproc); }

void process_extras::fail_early_requests(boost::system::error_code ec,
                                         boost::system::error_code ready) noexcept {
  while (!early_requests.empty()) {
    auto& r = static_cast<supervisor_request&>(*early_requests.front());
    r.unlink();
    const auto kept = std::move(r.self);
    if (r.asks_for_child()) r.refused(*r.process.home(), asked_child(r, r.process));
    r.complete(r.kind == supervisor_request::kind_type::ready ? ready : ec);
  }
}

void supervisor_request::complete(boost::system::error_code ec) noexcept {
  error = ec;
  done = true;
  completed();
  if (waiting != nullptr) waiting->wake();
}

scheduler& request_wait_base::home() const { return home_of(supervisor); }

void request_wait_base::begin(waiter& w) {
  request->waiting = &w;
  if (!request->submitted) supervisor_request::submit(request, supervisor);
  if (request->done) w.wake();
}

scheduler& stop_wait::home() const { return at != nullptr ? *at : home_of(supervisor); }

void stop_wait::subscription::fire(const pid&, const exit_reason& r) {
  reason = r;
  target->wake();
}

void stop_wait::begin(waiter& w) {
  process* const p = supervisor.home() != nullptr ? supervisor.get() : nullptr;
  if (p == nullptr) {
    refused = errc::noproc;
  } else if (is_within(caller_on(p->home), *p)) {
    refused = errc::would_deadlock;
  } else {
    news.target = &w;
    p->more().subscriptions.push_back(news);
    if (limit) timer.begin(w, *limit);
    if (p->supervisor() != nullptr) {
      p->supervisor()->stop(reason);
    } else if (p->extras && p->extras->server != nullptr) {
      p->extras->server->push_stop(reason);
    } else {
      p->home.ask_to_stop(*p, reason, process::stop_level::supervisor);
    }
    return;
  }
  w.wake();
}

void stop_wait::leave() noexcept {
  news.unlink();
  timer.leave();
}

boost::system::error_code stop_wait::outcome() const noexcept {
  if (refused) return refused;
  if (!news.reason) return errc::timeout;
  if (*news.reason == reason) return {};
  return errc::unexpected_exit;
}

}  // namespace detail

using detail::supervisor_request;

detail::start_operation child_start::ready() & {
  return detail::start_operation{{{request_, supervisor_}}};
}

detail::request_operation supervisor_handle::ready() const {
  return detail::request_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::ready), to_}}};
}

detail::stop_operation supervisor_handle::stop(
    exit_reason reason, std::optional<std::chrono::steady_clock::duration> limit) const {
  return detail::stop_operation{{to_, std::move(reason), limit}};
}

detail::listing_operation supervisor_handle::which_children() const {
  return detail::listing_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::which), to_}}};
}

detail::count_operation supervisor_handle::count_children() const {
  return detail::count_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::count), to_}}};
}

child_start supervisor_ref::start_child(child_spec spec) const {
  detail::check_added_child(spec);
  auto r = detail::make_request(to_, supervisor_request::kind_type::add);
  r->added = std::move(spec);
  return detail::submitted(std::move(r), to_);
}

child_start supervisor_ref::start_child(std::any argument) const {
  auto r = detail::make_request(to_, supervisor_request::kind_type::add_argument);
  r->argument = std::move(argument);
  return detail::submitted(std::move(r), to_);
}

detail::request_operation supervisor_ref::terminate_child(std::string_view id) const {
  return detail::request_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::terminate, id), to_}}};
}

detail::request_operation supervisor_ref::terminate_child(const pid& process) const {
  auto r = detail::make_request(to_, supervisor_request::kind_type::terminate_process);
  r->process = process;
  return detail::request_operation{{{std::move(r), to_}}};
}

detail::start_operation supervisor_ref::restart_child(std::string_view id) const {
  return detail::start_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::restart, id), to_}}};
}

detail::request_operation supervisor_ref::delete_child(std::string_view id) const {
  return detail::request_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::erase, id), to_}}};
}

detail::entry_operation supervisor_ref::which_child(std::string_view id) const {
  return detail::entry_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::which_one, id), to_}}};
}

detail::entry_operation supervisor_ref::which_child(const pid& process) const {
  auto r = detail::make_request(to_, supervisor_request::kind_type::which_process);
  r->process = process;
  return detail::entry_operation{{{std::move(r), to_}}};
}

detail::spec_operation supervisor_ref::get_child_spec(std::string_view id) const {
  return detail::spec_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::spec, id), to_}}};
}

child_start dynamic_supervisor_ref::start_child(child_spec spec) const {
  detail::check_dynamic_child(spec);
  auto r = detail::make_request(to_, supervisor_request::kind_type::add_dynamic);
  r->added = std::move(spec);
  return detail::submitted(std::move(r), to_);
}

detail::request_operation dynamic_supervisor_ref::terminate_child(const pid& process) const {
  return supervisor_ref{to_}.terminate_child(process);
}

detail::entry_operation dynamic_supervisor_ref::which_child(const pid& process) const {
  return supervisor_ref{to_}.which_child(process);
}

supervisor_ref start_supervisor(asio::io_context& io, supervisor_spec spec) {
  return detail::start_supervisor(io, detail::blueprint_of(std::move(spec)), nullptr);
}

dynamic_supervisor_ref start_supervisor(asio::io_context& io, dynamic_supervisor_spec spec) {
  return dynamic_supervisor_ref{
      detail::start_supervisor(io, detail::blueprint_of(std::move(spec)), nullptr).get_pid()};
}

supervisor_ref start_supervisor_link(supervisor_spec spec) {
  return supervisor_ref{detail::start_linked(detail::blueprint_of(std::move(spec)))};
}

dynamic_supervisor_ref start_supervisor_link(dynamic_supervisor_spec spec) {
  return dynamic_supervisor_ref{detail::start_linked(detail::blueprint_of(std::move(spec)))};
}

supervisor_ref detail::start_supervisor_by(asio::io_context& io,
                                           std::function<supervisor_spec()> init) {
  if (!init) throw std::invalid_argument{"coppice: a supervisor needs an init function"};
  return start_root(io, made_by(std::move(init)), {}, nullptr);
}

asio::awaitable<supervisor_end, executor> supervise(supervisor_spec spec,
                                                    std::function<void()> booted) {
  detail::process* const me = detail::here().current();
  detail::supervisor_process self{*me, detail::blueprint_of(std::move(spec))};
  co_await self.main(std::move(booted));
  co_return self.end();
}

child_spec supervisor(supervisor_spec spec, child_options o) {
  return detail::supervisor_child_of(std::move(spec), o);
}

child_spec detail::supervisor_made_by(std::string id, std::function<supervisor_spec()> init,
                                      child_options o) {
  if (!init) {
    const std::invalid_argument why{"supervisor \"" + id + "\": it needs an init function"};
    return refused_child(std::move(id), why);
  }
  return as_child(std::move(id), made_by(std::move(init)), o);
}

child_spec dynamic_supervisor(dynamic_supervisor_spec spec, child_options o) {
  return detail::supervisor_child_of(std::move(spec), o);
}

}  // namespace coppice
