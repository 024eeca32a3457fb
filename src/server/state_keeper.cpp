#include <coppice/detail/server/state_keeper.hpp>

#include "base/exception_chain.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/wait/complete_failed.hpp>
#include <coppice/report.hpp>
#include <coppice/stash.hpp>

#include <boost/system/system_error.hpp>

#include <exception>
#include <stdexcept>
#include <utility>

namespace coppice::detail {

namespace {

// The completion handler of a put to a stash. The server has ended by then, so a failure can only
// be reported.
struct loss_report {
  scheduler& home;
  pid server;
  std::string key;

  void operator()(boost::system::error_code why) const {
    if (!why || !home.listened_to()) return;
    home.tell(state_lost{server, key, exit_reason::error(exception_of(why))});
  }
};

}  // namespace

state_keeper::state_keeper(server_core& core, const std::string& key,
                           const server_options& options, kept_state* handed) noexcept
    : core_{core}, server_{core.self.id()}, key_{key}, options_{options}, handed_{handed} {
  core_.keeper = this;
}

// The state that the server was started with is handed on if no newer one was taken, because the
// object was never made or restore() has thrown. An exception counts as a crash with this state.
state_keeper::~state_keeper() {
  core_.keeper = nullptr;
  if (put_away_ || !given_.has_value()) return;
  if (crashed()) ++given_.crashes;
  put_away(std::move(given_));
}

bool state_keeper::crashed() const noexcept {
  if (core_.failure) return reason_of(core_.failure).is_abnormal();
  // The destructor runs because of an exception of the object's constructor, restore() or init().
  return std::uncaught_exceptions() > 0;
}

fetch_operation state_keeper::fetch() {
  // Five seconds, the default of gen_server:call. A stash that does not answer is a failed start.
  const server_ref<stash_server> stash{core_.home.io(), options_.state.stash};
  auto request = stash.send_request(stash_server::get{key_});
  return fetch_operation{{access::release(std::move(request)), std::chrono::seconds{5}}};
}

const std::any* state_keeper::start_with(kept_state found, std::string (*text)(const std::any&)) {
  if (!found.has_value()) return nullptr;
  if (options_.state.decode) {
    try {
      found.state = options_.state.decode(found.state);
    } catch (...) {
      std::string what = "coppice: the state that is kept of \"" + key_ + "\" cannot be read";
      const std::string why = text_of_exception(std::current_exception());
      if (!why.empty()) what += ": " + why;
      std::throw_with_nested(std::runtime_error{what});
    }
  }
  // A state that has crashed several incarnations in a row would crash this one too. Starting
  // afresh breaks the circle that the restart intensity could only end by giving up.
  if (found.crashes >= options_.same_state_crashes) {
    if (core_.home.listened_to()) {
      const std::string state = text(found.state);
      core_.home.tell(state_discarded{server_, key_, state, found.crashes});
    }
    return nullptr;
  }
  given_ = std::move(found);
  return &given_.state;
}

const std::any* state_keeper::handed_over(std::string (*text)(const std::any&)) {
  if (handed_ == nullptr) return nullptr;
  return start_with(std::exchange(*handed_, {}), text);
}

// Crashes are counted as long as the state stays the same. A state that has changed, or an end in
// order, shows that the server could work with it: the count begins anew.
void state_keeper::take(std::any state, bool same) noexcept {
  const bool in_order = core_.self.exit_reason_final && !core_.self.reason.is_abnormal();
  const unsigned before = same && !in_order ? given_.crashes : 0;
  put_away({std::move(state), before + (crashed() ? 1 : 0)});
}

void state_keeper::could_not_be_taken(std::exception_ptr why) noexcept {
  put_away_ = true;
  core_.home.tell(state_lost{server_, key_, exit_reason::error(std::move(why))});
}

kept_state state_keeper::encoded(kept_state s) const {
  if (options_.state.encode) s.state = options_.state.encode(s.state);
  return s;
}

// Hands the state on: to the next incarnation directly, or to the stash. It is lost, and reported,
// if the stash is not alive. It is also lost if the process was abandoned (core_.closed): the next
// incarnation may long be running with a state of its own, which must not be overwritten.
void state_keeper::put_away(kept_state s) noexcept {
  put_away_ = true;
  if (core_.closed) {
    core_.home.tell(state_lost{server_, key_, exit_reason::killed()});
    return;
  }
  if (!in_stash()) {
    if (handed_ != nullptr) *handed_ = std::move(s);
    return;
  }
  try {
    const server_ref<stash_server> stash{core_.home.io(), options_.state.stash};
    if (!stash.whereis()) {
      core_.home.tell(state_lost{server_, key_, exit_reason::noproc()});
      return;
    }
    if (core_.home.is_down()) return;  // the program ends, and no process hears of it
    auto request = stash.send_request(stash_server::put{key_, encoded(std::move(s))});
    save_operation putting{{access::release(std::move(request)), infinity}};
    std::move(putting)(loss_report{core_.home, server_, key_});
  } catch (...) {
    could_not_be_taken(std::current_exception());
  }
}

save_operation state_keeper::save(std::any state, bool same) {
  const server_ref<stash_server> stash{core_.home.io(), options_.state.stash};
  kept_state s{std::move(state), same ? given_.crashes : 0};
  auto request = stash.send_request(stash_server::put{key_, encoded(std::move(s))});
  return save_operation{{access::release(std::move(request)), infinity}};
}

}  // namespace coppice::detail
