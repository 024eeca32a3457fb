#include <coppice/error.hpp>

#include <string>

namespace coppice {

namespace {

// The messages have no subject where they can have none: a system_error puts the name of the
// process or of the child before them, as in "sessions: no such process".
class coppice_category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "coppice"; }

  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::noproc: return "no such process";
      case errc::not_found: return "no such child or application";
      case errc::already_started: return "it runs already, or the name is taken";
      case errc::already_present: return "a child of that id is present";
      case errc::running: return "the child is running";
      case errc::restarting: return "the child is restarting";
      case errc::start_failed: return "the child did not start";
      case errc::max_children:
        return "the supervisor has as many children as its max_children allows";
      case errc::simple_one_for_one: return "not with a simple_one_for_one supervisor";
      case errc::draining: return "it takes nothing new, since the program is ending";
      case errc::would_deadlock: return "the caller would wait for itself";
      case errc::timeout: return "time ran out";
      case errc::died: return "it ended before it had answered";
      case errc::no_reply: return "it did not answer";
      case errc::overloaded: return "its queue is full";
      case errc::unreadable: return "what is kept is of another type, or damaged";
      case errc::wrong_type: return "the process is no supervisor or server of that type";
      case errc::not_started: return "the application, or one that it needs, is not started";
      case errc::unexpected_exit: return "ended with another reason than it was asked to";
    }
    return "unknown error";
  }
};

}  // namespace

const boost::system::error_category& category() noexcept {
  // Error codes are compared by the address of their category, so there is only one object of it.
  static const coppice_category instance;
  return instance;
}

}  // namespace coppice
