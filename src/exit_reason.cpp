#include <coppice/exit_reason.hpp>

#include <cstdlib>
#include <cxxabi.h>
#include <ostream>
#include <utility>

namespace coppice {

namespace {

std::string readable(const std::type_info& type) {
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> name{
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free};
  return status == 0 && name ? std::string{name.get()} : std::string{type.name()};
}

#if defined(__GLIBCXX__)

// An exception_ptr of libstdc++ is one pointer to the thrown object, and type_info can tell whether
// and where a base lies in it: no throw is needed to look inside.
const std::exception* as_std_exception(const std::exception_ptr& exception) noexcept {
  static_assert(sizeof(std::exception_ptr) == sizeof(void*));
  const std::type_info* thrown = exception.__cxa_exception_type();
  void* object = *reinterpret_cast<void* const*>(&exception);
  if (thrown == nullptr || !typeid(std::exception).__do_catch(thrown, &object, 1)) return nullptr;
  return static_cast<const std::exception*>(object);
}

#endif

}  // namespace

exit_reason exit_reason::shutdown(std::string_view note) {
  exit_reason result{kind_type::shutdown};
  result.note_ = std::make_shared<const std::string>(note);
  return result;
}

exit_reason exit_reason::error(std::exception_ptr exception) noexcept {
  exit_reason result{kind_type::error};
  result.exception_ = std::move(exception);
  return result;
}

exit_reason exit_reason::error(std::string_view text) {
  exit_reason result{kind_type::error};
  result.note_ = std::make_shared<const std::string>(text);
  return result;
}

std::string_view exit_reason::note() const noexcept {
  return note_ ? std::string_view{*note_} : std::string_view{};
}

const std::type_info* exit_reason::exception_type() const noexcept {
  if (!exception_) return nullptr;
#if defined(__GLIBCXX__)
  return exception_.__cxa_exception_type();
#else
  try {
    std::rethrow_exception(exception_);
  } catch (const std::exception& e) {
    return &typeid(e);
  } catch (...) {
    return nullptr;
  }
#endif
}

std::string exit_reason::what() const {
  if (!exception_) return std::string{note()};
#if defined(__GLIBCXX__)
  const std::exception* exception = as_std_exception(exception_);
  return exception != nullptr ? exception->what() : "";
#else
  try {
    std::rethrow_exception(exception_);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "";
  }
#endif
}

std::string exit_reason::to_string() const {
  switch (kind_) {
    case kind_type::normal: return "normal";
    case kind_type::shutdown: return note_ ? "shutdown: " + *note_ : "shutdown";
    case kind_type::kill: return "kill";
    case kind_type::killed: return "killed";
    case kind_type::noproc: return "noproc";
    case kind_type::timeout: return "timeout";
    case kind_type::error: break;
  }
  if (!exception_) return note_ ? "error: " + *note_ : "error";
  const std::type_info* type = exception_type();
  std::string text = type != nullptr ? readable(*type) : "unknown exception";
  if (std::string said = what(); !said.empty()) text += ": " + said;
  return text;
}

std::ostream& operator<<(std::ostream& out, const exit_reason& reason) {
  return out << reason.to_string();
}

exit_exception::~exit_exception() = default;

}  // namespace coppice
