#include <coppice/exit_reason.hpp>

#include "exception_cast.hpp"
#include "exception_chain.hpp"

#include <ostream>
#include <utility>

#if __has_include(<cxxabi.h>)
#include <cxxabi.h>
#endif

namespace coppice {

namespace {

// A reason has one pointer for its detail, an exception_ptr. A reason that is made from a text
// keeps the text in an exception object of this type, which is never thrown: so it is copied by a
// reference count, as the other reasons are, and needs no second member.
struct annotation {
  std::string text;
};

std::exception_ptr annotate(std::string_view text) {
  std::exception_ptr made = std::make_exception_ptr(annotation{std::string{text}});
  // Without memory for the copy that it makes, that function gives an exception that says so.
  if (detail::exception_cast<annotation>(made) == nullptr) {
    std::rethrow_exception(std::move(made));
  }
  return made;
}

}  // namespace

exit_reason exit_reason::shutdown(std::string_view note) {
  exit_reason result{kind_type::shutdown};
  result.detail_ = annotate(note);
  result.annotated_ = true;
  return result;
}

exit_reason exit_reason::error(std::exception_ptr exception) noexcept {
  exit_reason result{kind_type::error};
  result.detail_ = std::move(exception);
  return result;
}

exit_reason exit_reason::error(std::string_view text) {
  exit_reason result{kind_type::error};
  result.detail_ = annotate(text);
  result.annotated_ = true;
  return result;
}

std::string_view exit_reason::note() const noexcept {
  if (!annotated_) return {};
  // The cast cannot give null: `annotated_` is set together with an annotation, and only so.
  return detail::exception_cast<annotation>(detail_)->text;
}

std::exception_ptr exit_reason::exception() const noexcept {
  return annotated_ ? nullptr : detail_;
}

const std::type_info* exit_reason::exception_type() const noexcept {
  if (annotated_ || !detail_) return nullptr;
#if defined(__GLIBCXX__)
  return detail_.__cxa_exception_type();
#elif __has_include(<cxxabi.h>)
  // This finds the type of any thrown object, not only of a std::exception. The type_info outlives
  // the exception: it lies in the program.
  try {
    std::rethrow_exception(detail_);
  } catch (...) {
    return abi::__cxa_current_exception_type();
  }
#else
  const auto* e = detail::exception_cast<std::exception>(detail_);
  return e != nullptr ? &typeid(*e) : nullptr;
#endif
}

std::string exit_reason::what() const {
  if (annotated_) return std::string{note()};
  return std::string{detail::said_by(detail_)};
}

std::string exit_reason::to_string() const {
  switch (kind_) {
    case kind_type::normal: return "normal";
    case kind_type::shutdown: return annotated_ ? "shutdown: " + what() : "shutdown";
    case kind_type::kill: return "kill";
    case kind_type::killed: return "killed";
    case kind_type::noproc: return "noproc";
    case kind_type::timeout: return "timeout";
    case kind_type::hung: return "hung";
    case kind_type::error: break;
  }
  if (annotated_) return "error: " + what();
  if (!detail_) return "error";
  const std::type_info* type = exception_type();
  std::string text = type != nullptr ? detail::readable(*type) : "unknown exception";
  if (const std::string said = detail::text_of_exception(detail_); !said.empty()) {
    text += ": " + said;
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const exit_reason& reason) {
  return out << reason.to_string();
}

exit_exception::~exit_exception() = default;

// This is Boost.System's customization point: value() of a result<T, exit_reason> finds it by ADL.
// So the exception of a task is thrown again, unchanged, where its result is taken.
void throw_exception_from_error(const exit_reason& reason, const boost::source_location&) {
  if (std::exception_ptr e = reason.exception()) std::rethrow_exception(std::move(e));
  throw exit_exception{reason};
}

}  // namespace coppice
