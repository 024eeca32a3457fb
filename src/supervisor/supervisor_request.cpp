#include <coppice/detail/supervisor/supervisor_request.hpp>

#include "supervisor_process.hpp"

#include <coppice/child_start.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/supervisor/request_waits.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/error.hpp>
#include <coppice/report.hpp>
#include <coppice/supervisor_ref.hpp>

#include <any>
#include <memory>
#include <string_view>
#include <utility>

// A request finds its supervisor, or what may become one. A process that has just been spawned is
// no supervisor yet, since its body has not run; its requests are kept as early requests, which the
// supervisor takes over when it is made, and which are refused when it turns out that there will be
// none.

namespace coppice::detail {

child_info asked_child(const supervisor_request& r, const process_ref& supervisor) {
  child_info info = r.added ? info_of(*r.added) : child_info{};
  info.supervisor = supervisor.name();
  info.supervisor_id = supervisor.get_pid();
  return info;
}

bool may_become_supervisor(const process& p) noexcept {
  if (p.behaviour() != nullptr) return false;
  return p.life.is_spawned() || (p.acknowledges && !p.answered);
}

namespace {

// Looks once more at a process that had not run when the request came, and refuses the request if
// the process has not become a supervisor in its first step. If that has not come yet, this item
// queues up again.
class second_look final : public owned_item, public pooled {
 public:
  second_look(const pid& process, scheduler& home) noexcept
      : owned_item{&second_look::act_on}, process_{process}, home_{home} {}

 private:
  static void act_on(run_item* item, how h) {
    auto& self = *static_cast<second_look*>(item);
    process* const p = h == how::run ? access::slot(self.process_) : nullptr;
    if (p != nullptr && p->life.is_spawned()) {
      self.home_.push(self, nullptr);
      return;
    }
    delete &self;
    if (p != nullptr && p->life.is_live() && !may_become_supervisor(*p)) {
      p->extras->refuse_early_requests(errc::wrong_type);
    }
  }

  const pid process_;
  scheduler& home_;
};

}  // namespace

// The last reference to the request is gone. A refusal that no caller has heard of is reported now.
supervisor_request::~supervisor_request() {
  if (refusal_ != nullptr) refusal_->tell(error, reason);
}

void supervisor_request::refused(scheduler& s, const child_info& c) noexcept {
  if (!s.listened_to() || s.is_down()) return;
  try {
    refusal_ = std::make_unique<refusal>(s, c);
    s.unheard().push_back(*refusal_);
  } catch (...) {
    // There is no memory for the report: the caller has the error all the same.
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
    scheduler* const there = access::home(supervisor);
    scheduler* const home = there != nullptr ? there : scheduler::active();
    if (r->asks_for_child() && home != nullptr) r->refused(*home, asked_child(*r, supervisor));
    r->complete(why);
  };
  detail::process* const p =
      access::home(supervisor) != nullptr ? access::slot(supervisor) : nullptr;
  if (p != nullptr && r->kind == kind_type::ready) {
    if (detail::process* const who = caller_on(p->home); who != nullptr) r->caller = who->id();
  }
  if (p == nullptr || p->life.is_exiting()) {
    refuse(errc::noproc);
  } else if (supervisor_process* const s = supervisor_process::of(*p); s != nullptr) {
    detail::process* const caller = caller_on(p->home);
    if (caller != nullptr && s->waits_for(*caller)) {
      refuse(errc::would_deadlock);
    } else {
      s->take(r);
    }
  } else if (may_become_supervisor(*p)) {
    r->self = r;
    // `refuse` needs the process for its report: the request no longer knows the supervisor then.
    if (r->asks_for_child()) r->process = p->id();
    p->more().early_requests.push_back(*r);
    if (p->life.is_spawned()) p->home.push(*new second_look{p->id(), p->home}, nullptr);
  } else {
    refuse(errc::wrong_type);
  }
}

void supervisor_request::refuse(boost::system::error_code why) noexcept {
  // The request may be owned by nobody else: it has to live until it is completed.
  const auto kept = std::move(self);
  if (asks_for_child()) refused(*access::home(process), asked_child(*this, process));
  complete(why);
}

void supervisor_request::complete(boost::system::error_code ec) noexcept {
  error = ec;
  done = true;
  completed();
  if (waiting != nullptr) waiting->wake();
}

scheduler& request_wait_base::home() const { return access::home_or_here(supervisor); }

void request_wait_base::arm(waiter& w) {
  request->waiting = &w;
  if (!request->submitted) supervisor_request::submit(request, supervisor);
  if (request->done) w.wake();
}

// Makes a request to a supervisor. Throws on a thread from which that supervisor cannot be reached.
std::shared_ptr<supervisor_request> make_request(const process_ref& supervisor,
                                                 supervisor_request::kind_type kind,
                                                 std::string_view id) {
  check_reach(access::home(supervisor), "supervisor_ref");
  auto r = std::allocate_shared<supervisor_request>(pool_allocator<supervisor_request>{}, kind);
  r->id = id;
  return r;
}

std::shared_ptr<supervisor_request> make_request(const process_ref& supervisor,
                                                 supervisor_request::kind_type kind,
                                                 const pid& process) {
  auto r = make_request(supervisor, kind);
  r->process = process;
  return r;
}

namespace {

// A start is sent off at once, before anybody waits for it: so it is done even if the caller drops
// the child_start. The other requests are sent when they are awaited.
child_start submitted(std::shared_ptr<supervisor_request> r, const process_ref& supervisor) {
  supervisor_request::submit(r, supervisor);
  return access::make<child_start>(std::move(r), supervisor);
}

// Starts the child at once if its supervisor has nothing else to do. Gives an empty pid if it has,
// or if there is no such supervisor.
pid start_now(const process_ref& supervisor, child_spec& spec) {
  scheduler* const home = access::home(supervisor);
  if (home == nullptr) return {};
  check_reach(*home, "supervisor_ref");
  process* const p = access::slot(supervisor);
  supervisor_process* const s = p != nullptr ? supervisor_process::of(*p) : nullptr;
  return s != nullptr ? s->start_now(spec) : pid{};
}

}  // namespace

}  // namespace coppice::detail

namespace coppice {

using detail::supervisor_request;

child_start supervisor_ref::start_child(child_spec spec) const {
  detail::check_added_child(spec);
  auto r = detail::make_request(to_, supervisor_request::kind_type::add);
  r->added = std::move(spec);
  return detail::submitted(std::move(r), to_);
}

child_start detail::start_from_template(const process_ref& supervisor, std::any argument) {
  auto r = make_request(supervisor, supervisor_request::kind_type::add_argument);
  r->argument = std::move(argument);
  return submitted(std::move(r), supervisor);
}

child_start dynamic_supervisor_ref::start_child(child_spec spec) const {
  detail::check_dynamic_child(spec);
  if (const pid started = detail::start_now(to_, spec)) {
    return detail::access::make<child_start>(started, to_);
  }
  auto r = detail::make_request(to_, supervisor_request::kind_type::add_dynamic);
  r->added = std::move(spec);
  return detail::submitted(std::move(r), to_);
}

}  // namespace coppice
